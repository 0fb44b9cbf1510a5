// What a thread keeps of its subject. What stands before this text gives the sizes and the words of the target.

// The table of a solve, one of eight bytes a field (layout.py), stands in constant memory. `next`, `finished` and
// `abort` hold the address of a counter.
#define WHOLE(name) (table[FIELD_##name])
#define REAL(name) (reinterpret_cast<const double *>(table)[FIELD_##name])
#define REALS(name) (reinterpret_cast<double *>(table[FIELD_##name]))
#define WHOLES(name) (reinterpret_cast<long long *>(table[FIELD_##name]))

struct Subject {
    long long number, row, place, steps, recent, stiff;
    double t, h, dose_h, until, reading, dose, stiffness, stiffness_estimate;
    // `looked_at`: `begin` was called for where the subject is; where it was not, ARGUMENT holds the states.
    bool first, unstable_step, looked_at;
    // The states, the stages, and the end of a step while an instant inside it is looked for.
    double y[N], k[STAGE_ARRAYS * N], y1[N];
#if IMPLICIT
    double f[N], j[JACOBIAN], m[FACTORS], drift[DRIFT];
#endif
    // The constants that not all subjects share; the truth values now, before, at the end of a step and inside it.
    double q[VARYING];
    // Floors of what moves, as they were at the start of the step; how far comparisons are from changing and the rate
    // of that, there and at the end of it.
    double held[FLOORS + 1], d0[HEIGHTS + 1], r0[HEIGHTS + 1], d1[HEIGHTS + 1], r1[HEIGHTS + 1];
    long long w[WORDS], w0[WORDS], w1[WORDS], w2[WORDS];
#if !ARGUMENT_IS_SHARED
    double argument[N];
#endif
};
