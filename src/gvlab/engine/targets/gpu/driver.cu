// Carries subjects on, one a thread: the same loop as driver.py prints for vectors, one lane of it.
// What stands before this text gives the sizes, the table's fields, the method's coefficients and the model's functions.

#define WHOLE(name) (table[FIELD_##name])
#define REAL(name) (reinterpret_cast<double *>(table)[FIELD_##name])
#define REALS(name) (reinterpret_cast<double *>(table[FIELD_##name]))
#define WHOLES(name) (reinterpret_cast<long long *>(table[FIELD_##name]))

struct Subject {
    long long number, row, place, steps, recent;
    double t, h, dose_h, until, reading, dose;
    bool first;
    double y[N], y1[N], yi[N], u[N], sum[N], f[N], drift[N], k[STAGES * N], dense[3 * N];
    double j[NJ], m[NM], q[NQ], p[NP];
    long long w[NW], w0[NW], w1[NW], w2[NW];
};

DEVICE double of_operation(long long *table, long long addresses, long long strides, long long number, long long subject) {
    const double *values = reinterpret_cast<double *>(reinterpret_cast<long long *>(addresses)[number]);
    return values[subject * reinterpret_cast<long long *>(strides)[number]];
}

DEVICE long long operation_number(long long *table, const Subject &s) {
    return WHOLES(order)[s.number * WHOLE(order_stride) + s.place];
}

DEVICE void next_reading(long long *table, Subject &s) {
    s.reading = s.row < WHOLE(reading_count) ? REALS(readings)[s.row] : INFINITE;
}

DEVICE void next_dose(long long *table, Subject &s) {
    s.dose = INFINITE;
    if (s.place < WHOLE(operation_count))
        s.dose = of_operation(table, WHOLE(operation_time), WHOLE(operation_time_stride), operation_number(table, s), s.number);
}

DEVICE void take(long long *table, Subject &s, long long number) {
    s.number = number;
    for (int i = 0; i < N; i++) s.y[i] = REALS(states)[number * N + i];
    for (int i = 0; i < SLOTS; i++) s.p[i] = REALS(slots)[number * SLOTS + i];
    s.t = REALS(time)[number];
    s.until = REALS(until)[number];
    s.dose_h = REALS(dose_step)[number];
    s.steps = WHOLES(steps)[number];
    s.row = WHOLES(row)[number];
    s.place = WHOLES(operation)[number];
    s.recent = 0;
    s.h = REALS(step)[number];
    s.first = s.h < 0;
    if (s.first) s.h = s.dose_h;
    next_reading(table, s);
    next_dose(table, s);
    constants(s.p, s.q);
    watch(s.t, s.y, s.q, s.w);
}

DEVICE void put_back(long long *table, Subject &s, long long reason, const long long *old) {
    const long long number = s.number;
    for (int i = 0; i < N; i++) REALS(states)[number * N + i] = s.y[i];
    REALS(time)[number] = s.t;
    REALS(step)[number] = s.h;
    REALS(dose_step)[number] = s.dose_h;
    WHOLES(steps)[number] = s.steps;
    WHOLES(row)[number] = s.row;
    WHOLES(operation)[number] = s.place;
    for (int i = 0; i < WORDS; i++) {
        WHOLES(old)[number * WORDS + i] = old[i];
        WHOLES(new)[number * WORDS + i] = s.w[i];
    }
    WHOLES(reason)[number] = reason;
}

DEVICE void read_outputs(long long *table, Subject &s, double t, const double *y) {
    outputs(t, y, s.p, REALS(values) + (s.number * WHOLE(reading_count) + s.row) * WHOLE(output_count));
    s.row++;
    s.recent = 0;
    next_reading(table, s);
}

DEVICE bool changed(const long long *one, const long long *other) {
    long long total = 0;
    for (int i = 0; i < WORDS; i++) total |= one[i] ^ other[i];
    return total != 0;
}

DEVICE void prepare(Subject &s) {
    for (int r = 0; r < 3; r++)
        for (int i = 0; i < N; i++) {
            double total = 0;
            for (int stage = 0; stage < STAGES; stage++) total += DENSE[r * STAGES + stage] * s.k[stage * N + i];
            s.dense[r * N + i] = total;
        }
}

DEVICE void interpolate(Subject &s, double theta) {
    for (int i = 0; i < N; i++) {
        const double inner = s.dense[i] + theta * (s.dense[N + i] + theta * s.dense[2 * N + i]);
        s.yi[i] = (1 - theta) * s.y[i] + theta * (s.y1[i] + (1 - theta) * inner);
    }
}

DEVICE double attempt(long long *table, Subject &s, double h) {
    const double inverse = 1 / h;
    factor(s.j, inverse * (1 / GAMMA), s.m);
    for (int stage = 0; stage < STAGES; stage++) {
        double *k = s.k + stage * N;
        if (stage == 0) {
            for (int i = 0; i < N; i++) k[i] = s.f[i] + h * TILT[0] * s.drift[i];
        } else {
            for (int i = 0; i < N; i++) {
                double change = 0, past = 0;
                for (int other = 0; other < stage; other++) {
                    change += A[stage * STAGES + other] * s.k[other * N + i];
                    past += C[stage * STAGES + other] * s.k[other * N + i];
                }
                s.u[i] = s.y[i] + change;
                s.sum[i] = past * inverse + h * TILT[stage] * s.drift[i];
            }
            rates(s.t + h * NODES[stage], s.u, s.q, s.w, k);
            for (int i = 0; i < N; i++) k[i] += s.sum[i];
        }
        back(s.m, k, s.j);
    }
    double total = 0;
    const double *last = s.k + (STAGES - 1) * N;
    for (int i = 0; i < N; i++) {
        s.y1[i] = s.u[i] + last[i];
        const double larger = fmax(fabs(s.y[i]), fabs(s.y1[i]));
        const double allowed = REALS(absolute)[i] + REAL(relative) * larger;
        const double most = (REALS(absolute)[i] + REAL(relative) * fabs(s.y[i])) * LARGEST_GAIN;
        const double ratio = last[i] / fmin(allowed, most);
        total += ratio * ratio + s.y1[i] * 0.0;
    }
    return total / N;
}

DEVICE void estimate(long long *table, Subject &s, double rest) {
    double size = 0, speed = 0;
    for (int i = 0; i < N; i++) {
        const double scale = REALS(absolute)[i] + REAL(relative) * fabs(s.y[i]);
        size += (s.y[i] / scale) * (s.y[i] / scale);
        speed += (s.f[i] / scale) * (s.f[i] / scale);
    }
    const double guess = sqrt((size > N ? size : N) / speed) * 0.01;
    s.h = guess < rest ? guess : rest;
}

// The first instant of a step at which a watched truth value differs; tells whether it lies inside the step.
DEVICE bool locate(long long *table, Subject &s, double h, double &t1) {
    watch(t1, s.y1, s.q, s.w1);
    if (!changed(s.w1, s.w)) return false;
    double low = s.t, high = t1;
    prepare(s);
    for (;;) {
        const double middle = low + (high - low) * 0.5;
        if (!(middle > low && middle < high)) break;
        interpolate(s, (middle - s.t) / h);
        watch(middle, s.yi, s.q, s.w2);
        if (changed(s.w2, s.w)) high = middle; else low = middle;
    }
    if (!(high < t1)) return false;
    interpolate(s, (high - s.t) / h);
    for (int i = 0; i < N; i++) s.y1[i] = s.yi[i];
    t1 = high;
    watch(t1, s.y1, s.q, s.w1);
    return true;
}

// Gives the doses that are due; tells whether the caller has to do something instead.
DEVICE bool give_doses(long long *table, Subject &s) {
    if (s.dose != s.t) return false;
    bool left = false;
    s.first = true;
    s.h = s.dose_h;
    s.recent = 0;
    while (s.dose == s.t) {
        const long long number = operation_number(table, s);
        const long long kind = WHOLES(operation_kind)[number];
        if (kind >= 2) { left = true; break; }
        double value = of_operation(table, WHOLE(operation_value), WHOLE(operation_value_stride), number, s.number);
        const long long size = WHOLES(operation_size)[number];
        if (size >= 0) value *= s.p[size];
        double &state = s.y[WHOLES(operation_state)[number]];
        state = kind == 0 ? state + value : value;
        s.place++;
        next_dose(table, s);
    }
    watch(s.t, s.y, s.q, s.w);
    return left;
}

DEVICE void follow(long long *table, Subject &s) {
    for (;;) {
        // Where the caller has a delayed event to carry out, the reading comes after it.
        const double stop = fmin(s.until, REAL(end));
        if (s.reading == s.t && s.t < s.until) read_outputs(table, s, s.t, s.y);
        if (s.t >= stop) { put_back(table, s, REACHED, s.w); return; }
        double end = s.dose < stop ? s.dose : stop;
        for (int i = 0; i < STOPS; i++) {
            const double stop = s.q[STOP[i]];
            if (stop > s.t && stop < end) end = stop;
        }
        // A reading is the end of a step: what is interpolated inside one is less exact than its end.
        if (s.reading < end) end = s.reading;
        const double rest = end - s.t;
        linearize(s.t, s.y, s.q, s.w, s.f, s.j, s.drift);
        if (!(s.h > 0)) estimate(table, s, rest);
        const double wanted = s.h;
        const bool last = wanted * 1.0001 >= rest, half = wanted * 2 > rest;
        const double h = last ? rest : half ? rest * 0.5 : wanted;
        double error = attempt(table, s, h);
        s.steps++;
        s.recent++;
        const bool known = error == error;
        error = known ? fmax(error, 1e-16) : 1e10;
        const double factor = fmin(fmax(SAFETY * exp(log(error) * (-0.5 / ORDER)), SMALLEST_FACTOR), LARGEST_FACTOR);
        if (!(error <= 1)) {
            s.h = h * factor;
            if (!last && (s.t + h <= s.t || h <= rest * SMALLEST_STEP)) {
                put_back(table, s, known ? STEP_TOO_SMALL : NOT_FINITE, s.w);
                return;
            }
        } else {
            double t1 = last ? end : s.t + h;
            const bool located = WATCHED && locate(table, s, h, t1);
            const double proposed = h * factor;
            // What cut a step short is no reason to take short ones from now on.
            const double unhindered = (last || half) && wanted > proposed ? wanted : proposed;
            if (s.first) { s.dose_h = unhindered; s.first = false; }
            s.h = located ? 0 : unhindered;
            s.t = t1;
            for (int i = 0; i < N; i++) s.y[i] = s.y1[i];
            for (int i = 0; i < WORDS; i++) { s.w0[i] = s.w[i]; if (WATCHED) s.w[i] = s.w1[i]; }
            if (give_doses(table, s)) { put_back(table, s, OPERATION, s.w0); return; }
            long long heard = 0;
            for (int i = 0; i < WORDS; i++) heard |= (s.w[i] & ~s.w0[i] & RISING[i]) | (s.w0[i] & ~s.w[i] & FALLING[i]);
            if (heard) { put_back(table, s, EVENT, s.w0); return; }
        }
        if (s.recent > WHOLE(max_steps) && s.t < stop) { put_back(table, s, STEP_LIMIT, s.w); return; }
    }
}

KERNEL void run(long long *table) {
    Subject s;
    for (;;) {
        const long long place = NEXT(&WHOLE(next));
        if (place >= WHOLE(count)) return;
        take(table, s, WHOLES(queue)[place]);
        if (WHOLE(watch_only)) {
            for (int i = 0; i < WORDS; i++) WHOLES(new)[s.number * WORDS + i] = s.w[i];
        } else {
            follow(table, s);
        }
    }
}
