// Carries subjects on, one a thread: the loop that cpu/driver.py prints for vectors, one lane of it, by the same rules.
// A warp tries a step of all its subjects at a time; who is put back makes room for the next one at once.
// What stands before this text gives the subject, the model's functions and the method's.

DEVICE double of_operation(long long addresses, long long strides, long long number, long long subject) {
    const double *values = reinterpret_cast<double *>(reinterpret_cast<long long *>(addresses)[number]);
    return values[subject * reinterpret_cast<long long *>(strides)[number]];
}

DEVICE long long operation_number(const Subject &s) {
    return WHOLES(order)[s.number * WHOLE(order_stride) + s.place];
}

DEVICE const double *slots_of(const Subject &s) { return REALS(slots) + s.number * SLOTS; }

DEVICE void next_reading(Subject &s) {
    s.reading = s.row < WHOLE(reading_count) ? REALS(readings)[s.row] : INFINITE;
}

DEVICE void next_dose(Subject &s) {
    s.dose = INFINITE;
    if (s.place < WHOLE(operation_count))
        s.dose = of_operation(WHOLE(operation_time), WHOLE(operation_time_stride), operation_number(s), s.number);
}

DEVICE void take(Subject &s, long long number) {
    s.number = number;
    for (int i = 0; i < N; i++) ARGUMENT(i) = s.y[i] = REALS(states)[number * N + i];
    s.t = REALS(time)[number];
    constants(slots_of(s), s.q);
    hold(s, s.t);
    watch(s, s.t, s.w);
    if (WHOLE(watch_only)) return;
    s.until = REALS(until)[number];
    s.dose_h = REALS(dose_step)[number];
    s.stiffness = REALS(stiffness)[number];
    s.steps = WHOLES(steps)[number];
    s.row = WHOLES(row)[number];
    s.place = WHOLES(operation)[number];
    s.stiff = WHOLES(stiff)[number];
    s.recent = 0;
    s.h = REALS(step)[number];
    s.first = s.h < 0.0;
    if (s.first) s.h = s.dose_h;
    s.unstable_step = s.looked_at = false;
    next_reading(s);
    next_dose(s);
}

DEVICE void put_back(const Subject &s, long long reason) {
    const long long number = s.number;
    const long long *const old = reason == OPERATION || reason == EVENT ? s.w0 : s.w;
    for (int i = 0; i < N; i++) REALS(states)[number * N + i] = s.y[i];
    REALS(time)[number] = s.t;
    REALS(step)[number] = s.h;
    REALS(dose_step)[number] = s.dose_h;
    REALS(stiffness)[number] = s.stiffness;
    WHOLES(steps)[number] = s.steps;
    WHOLES(row)[number] = s.row;
    WHOLES(operation)[number] = s.place;
    WHOLES(stiff)[number] = s.stiff;
    for (int i = 0; i < WORDS; i++) {
        WHOLES(old)[number * WORDS + i] = old[i];
        WHOLES(new)[number * WORDS + i] = s.w[i];
    }
    WHOLES(reason)[number] = reason;
    if (reason == REACHED && s.t >= REAL(end) && s.t < s.until) (void)TAKE_ONE(WHOLES(finished));
}

DEVICE void read_outputs(Subject &s) {
    const long long place = (s.number * WHOLE(reading_count) + s.row) * WHOLE(output_count);
    outputs(s, slots_of(s), REALS(values) + place);
    s.row++;
    s.recent = 0;
    next_reading(s);
}

DEVICE bool changed(const long long *one, const long long *other) {
    long long total = 0;
    for (int i = 0; i < WORDS; i++) total |= one[i] ^ other[i];
    return total != 0;
}

// How many times longer the next step may be, from the square of an error.
DEVICE double factor_of(double error) {
    const double factor = SAFETY * exp(log(error) * (-0.5 / ORDER));
    return factor < SMALLEST_FACTOR ? SMALLEST_FACTOR : factor > LARGEST_FACTOR ? LARGEST_FACTOR : factor;
}

// A next step: what cut one short is no reason to take short ones from now on.
DEVICE double unhindered(double proposed, double wanted, bool cut) {
    return cut && !(proposed > wanted) ? wanted : proposed;
}

// Lets no longer step be proposed than is stable; see cpu/driver.py for what fades and what counts.
DEVICE double kept_stable(Subject &s, bool accepted, double h, double factor) {
    const double before = s.stiffness, estimate = s.stiffness_estimate;
    const bool visible = estimate >= 0.0 && estimate < INFINITE;
    const double faded = before * (visible ? 0.25 : 0.81);
    const double after = visible && estimate > faded ? estimate : faded;
    const double failed = s.unstable_step && visible && estimate > before ? estimate : before;
    s.stiffness = accepted ? after : failed;
    double most = 1.0 / sqrt(h * h * s.stiffness);
    if (most < SMALLEST_FACTOR) most = SMALLEST_FACTOR;
    return most < factor ? most : factor;
}

// Counts the steps that stability and not accuracy keeps short or lets fail; tells whether there were many of late.
DEVICE bool notice_stiff(Subject &s, bool accepted, double h) {
    if (!accepted) s.stiff += s.unstable_step;
    else if (h * h * s.stiffness > STIFF_STEP_LIMIT) s.stiff++;
    else if (s.stiff > 0) s.stiff--;
    return s.stiff >= MOST_STIFF_STEPS;
}

// A step where none is known: the states, or the tolerance, change by a hundredth.
DEVICE void estimate(Subject &s, double rest) {
    const double *const absolute = REALS(absolute) + s.number * WHOLE(absolute_stride);
    const double relative = REAL(relative);
    double size = 0.0, speed = 0.0;
    for (int i = 0; i < N; i++) {
        const double scale = absolute[i] + relative * fabs(s.y[i]);
        const double state = s.y[i] / scale, slope = SLOPE(i) / scale;
        size += state * state;
        speed += slope * slope;
    }
    const double guess = sqrt((size < N ? N : size) / speed) * 0.01;
    s.h = guess < rest ? guess : rest;
}

#if HEIGHTS
// How far comparisons are from changing at the start and the end of a step, where the rates may be known.
#if IMPLICIT
#define LOOK(t, f, d, r) slopes(s, t, d, r)
#else
#define LOOK(t, f, d, r) known_slopes(s, t, f, d, r)
#endif

// Whether some comparison may change twice between two places; see cpu/crossings.py.
DEVICE bool may_cross(const double *d0, const double *r0, const double *d1, const double *r1, double length) {
    bool total = false;
    for (int i = 0; i < HEIGHTS; i++) {
        const double sign = d0[i] > 0.0 ? 1.0 : -1.0;
        const double before = sign * d0[i], after = sign * d1[i], falls = sign * r0[i], rises = sign * r1[i];
        const bool meets = before * rises - after * falls < -(falls * rises * length);
        total |= falls < 0.0 && rises > 0.0 && after > 0.0 && meets;
    }
    return total;
}

// Goes through a step in parts, after `prepare`; tells whether a watched truth value is another at the end of one, and
// leaves this part in low and high.
DEVICE bool search(Subject &s, double h, double t1, double &low, double &high) {
    double d2[HEIGHTS], r2[HEIGHTS], d3[HEIGHTS], r3[HEIGHTS], begin = s.t, part = h * 0.5;
    for (int i = 0; i < HEIGHTS; i++) { d2[i] = s.d0[i]; r2[i] = s.r0[i]; }
    do {
        double end = begin + part;
        if (!(end < t1)) end = t1;
        interpolate(s, (end - s.t) / h, h);
        watch(s, end, s.w2);
        slopes(s, end, d3, r3);
        if (may_cross(d2, r2, d3, r3, end - begin) && part > h * SMALLEST_PART) { part *= 0.5; continue; }
        if (changed(s.w2, s.w)) { low = begin; high = end; return true; }
        for (int i = 0; i < HEIGHTS; i++) { d2[i] = d3[i]; r2[i] = r3[i]; }
        begin = end;
        part *= 2.0;
    } while (begin < t1);
    return false;
}
#endif

// The first instant between two at which a watched truth value differs, to the last bit of time, after `prepare`; tells
// whether it lies inside the step, whose end ARGUMENT then is.
DEVICE bool locate(Subject &s, double h, double &t1, double low, double high) {
    for (;;) {
        const double middle = low + (high - low) * 0.5;
        if (!(middle > low && middle < high)) break;
        interpolate(s, (middle - s.t) / h, h);
        watch(s, middle, s.w2);
        if (changed(s.w2, s.w)) high = middle; else low = middle;
    }
    const bool inside = high < t1;
    if (inside) interpolate(s, (high - s.t) / h, h);
    else for (int i = 0; i < N; i++) ARGUMENT(i) = s.y1[i];
    t1 = high;
    watch(s, t1, s.w1);
    return inside;
}

// Gives the doses that are due; tells whether the caller has to do something instead.
DEVICE bool give_doses(Subject &s) {
    if (s.dose != s.t) return false;
    bool left = false;
    s.first = true;
    s.h = s.dose_h;
    s.recent = 0;
    while (s.dose == s.t) {
        const long long number = operation_number(s), kind = WHOLES(operation_kind)[number];
        if (kind >= 2) { left = true; break; }
        double value = of_operation(WHOLE(operation_value), WHOLE(operation_value_stride), number, s.number);
        const long long size = WHOLES(operation_size)[number], state = WHOLES(operation_state)[number];
        if (size >= 0) value *= slots_of(s)[size];
        ARGUMENT(state) = s.y[state] = kind == 0 ? s.y[state] + value : value;
        s.place++;
        next_dose(s);
    }
    watch(s, s.t, s.w);
    return left;
}

// Tries one step; tells why the subject has to be put back, or GOES_ON.
DEVICE long long advance(Subject &s) {
    const double stop = s.until < REAL(end) ? s.until : REAL(end);
    // Where the caller has a delayed event to carry out, the reading comes after it.
    if (s.reading == s.t && s.t < s.until) read_outputs(s);
    if (s.t >= stop) return REACHED;
    if (ABORT) return ABORTED;
    const double halt = next_stop(s, s.dose < stop ? s.dose : stop);
    // A reading is the end of a step: what is interpolated inside one is less exact than its end.
    const double end = s.reading < halt ? s.reading : halt;
    const double rest = end - s.t;
    if (!s.looked_at) {
        if (FLOORS) {
            hold(s, s.t);
            watch(s, s.t, s.w);
        }
        begin(s);
#if HEIGHTS
        LOOK(s.t, s.k, s.d0, s.r0);
#endif
    }
    if (!(s.h > 0.0)) estimate(s, rest);
    const double wanted = s.h;
    const bool last = wanted * 1.0001 >= rest, half = wanted * 2.0 > rest;
    const double h = last ? rest : half ? rest * 0.5 : wanted;
    double error = attempt(s, h);
    s.steps++;
    s.recent++;
    const bool known = error == error;
    if (!known) error = 1e10;
    if (!(error > 1e-16)) error = 1e-16;
    bool first = s.first;
    const double judged = first && !IMPLICIT ? error * (FIRST_STEP_STRICTNESS * FIRST_STEP_STRICTNESS) : error;
    bool accepted = judged <= 1.0;
    double t1 = last ? end : s.t + h;
    bool hit = false, prepared = false;
    double low = s.t, high = t1;
    if (WATCHED && accepted) {
        watch(s, t1, s.w1);
        hit = changed(s.w1, s.w);
#if HEIGHTS
        LOOK(t1, s.k + LAST_STAGE * N, s.d1, s.r1);
        prepared = may_cross(s.d0, s.r0, s.d1, s.r1, h);
#endif
    }
    if (hit || prepared) {
        for (int i = 0; i < N; i++) s.y1[i] = ARGUMENT(i);
        prepare(s, h);
#if HEIGHTS
        if (prepared && search(s, h, t1, low, high)) hit = true;
#endif
        for (int i = 0; i < N; i++) ARGUMENT(i) = s.y1[i];
    }
#if !IMPLICIT
    // Inside a step that is not stable the instant is not to be found: what is interpolated may be anywhere.
    if (hit && h * h * s.stiffness_estimate > EVENT_SEARCH_STABILITY_LIMIT && s.stiffness_estimate < INFINITE) {
        s.unstable_step = true;
        accepted = hit = false;
    }
#endif
    double factor = factor_of(judged), careful = factor;
#if !IMPLICIT
    factor = kept_stable(s, accepted, h, first && accepted ? factor_of(error) : careful);
    if (factor < careful) careful = factor;
#endif
    // At time 0 any step still moves time; there the interval is the measure.
    const bool stuck = !accepted && !last && (s.t + h <= s.t || h <= rest * SMALLEST_STEP);
    const bool located = hit && locate(s, h, t1, low, high);
    const bool cut = (last || half) && accepted;
    s.h = located ? 0.0 : unhindered(h * factor, wanted, cut);
    first = first && accepted;
    if (first) {
        s.dose_h = unhindered(h * careful, wanted, cut);
        s.first = false;
    }
    s.looked_at = !accepted;
    if (accepted) {
        for (int i = 0; i < N; i++) s.y[i] = ARGUMENT(i);
#if !IMPLICIT
        // The last stage begins the next step, unless rounding puts its end elsewhere than t + h, or what holds
        // between now and then may be something else.
        if (!(t1 == halt || hit || t1 != s.t + h)) {
            for (int i = 0; i < N; i++) s.k[i] = s.k[LAST_STAGE * N + i];
            for (int i = 0; i < HEIGHTS; i++) { s.d0[i] = s.d1[i]; s.r0[i] = s.r1[i]; }
            s.looked_at = true;
        }
#endif
        s.t = t1;
        for (int i = 0; i < WORDS; i++) {
            s.w0[i] = s.w[i];
            if (WATCHED) s.w[i] = s.w1[i];
        }
        if (give_doses(s)) return OPERATION;
        long long heard = 0;
        for (int i = 0; i < WORDS; i++) heard |= (s.w[i] & ~s.w0[i] & RISING[i]) | (s.w0[i] & ~s.w[i] & FALLING[i]);
        if (heard) return EVENT;
    }
    if (stuck) return known ? STEP_TOO_SMALL : NOT_FINITE;
    if (s.recent > WHOLE(max_steps) && s.t < stop) return STEP_LIMIT;
#if !IMPLICIT
    if (notice_stiff(s, accepted, h) && WHOLE(hands_over)) return STIFF;
#endif
    return GOES_ON;
}

// Begins with the next subject that waits; tells whether there is one.
DEVICE bool take_next(Subject &s) {
    const long long number = TAKE_ONE(WHOLES(next));
    if (number >= WHOLE(count)) return false;
    take(s, number);
    return true;
}

KERNEL void run(RUN_ARGUMENTS) {
    BEGIN_RUN
    Subject s;
    bool going = take_next(s);
    // Together: those of a warp that have no subject left wait for the others.
    while (ANY_OF_WARP(going)) {
        if (!going) continue;
        if (WHOLE(watch_only)) {
            for (int i = 0; i < WORDS; i++) WHOLES(new)[s.number * WORDS + i] = s.w[i];
        } else {
            const long long reason = advance(s);
            if (reason == GOES_ON) continue;
            put_back(s, reason);
        }
        going = take_next(s);
    }
}
