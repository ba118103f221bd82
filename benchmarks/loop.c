/* The benchmark circuit (see circuit.py) as one plain loop: what a patient programmer gets from a compiler.
 *
 * The update rule (exponential Euler) and the order within a step are those of neuroam/solvers/_kernels.py, so that
 * in float64, with -ffp-contract=off, every spike falls where the numba loop has it. Cells of a kind share their
 * constants, and a block of cells is advanced, decayed and tested for spikes in one pass.
 *
 *   gcc -O3 -march=native [-DREAL=float] loop.c -lm     loop FOLDER SPIKES
 *
 * FOLDER holds the arrays; prints one line of JSON; SPIKES receives pairs (tick, cell), KCs then MBONs from N on.
 */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifndef REAL
#define REAL double
#endif
typedef REAL real;

enum { BLOCK = 128 };
enum { DT, TAU, REST, THRESHOLD, REFRACTORY, TAU_SYNAPSE, TAU_APL, KC_APL, APL_KC, TAU_TRACE, POTENTIATION,
       DEPRESSION, LOW, HIGH, N_CONSTANTS };

typedef struct {
    int size;
    real *v, *s, *y, *threshold;  /* potential, synaptic variable, spike trace */
    real theta;                   /* one threshold for all, where `threshold` is null */
    int32_t *until, *fired;
    int n_fired;
} Cells;

typedef struct {
    int32_t *pair;
    long number, room;
} Spikes;

static void *load(const char *folder, const char *name, size_t width, size_t count)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s.bin", folder, name);
    FILE *file = fopen(path, "rb");
    void *data = malloc(width * count + 1);
    if (!file || fread(data, width, count, file) != count) {
        fprintf(stderr, "loop: cannot read %s\n", path);
        exit(1);
    }
    fclose(file);
    return data;
}

static real *load_real(const char *folder, const char *name, size_t count)
{
    double *given = load(folder, name, sizeof(double), count);
    real *values = malloc(count * sizeof(real) + 1);
    for (size_t i = 0; i < count; i++)
        values[i] = (real)given[i];
    free(given);
    return values;
}

static Cells cells(int size, double rest)
{
    Cells c = {.size = size};
    c.v = malloc(size * sizeof(real));
    c.s = calloc(size, sizeof(real));
    c.y = calloc(size, sizeof(real));
    c.until = calloc(size, sizeof(int32_t));
    c.fired = calloc(size, sizeof(int32_t));
    for (int i = 0; i < size; i++)
        c.v[i] = (real)rest;
    return c;
}

static void note(Spikes *spikes, int32_t tick, int32_t cell)
{
    if (spikes->number == spikes->room) {
        spikes->room *= 2;
        spikes->pair = realloc(spikes->pair, 2 * spikes->room * sizeof(int32_t));
    }
    spikes->pair[2 * spikes->number] = tick;
    spikes->pair[2 * spikes->number + 1] = cell;
    spikes->number++;
}

/* One block of cells: potentials, synaptic variables and traces in one pass; returns how many are above threshold. */
static inline int advance(int count, real *restrict v, real *restrict s, real *restrict y,
                          const int32_t *restrict until, const real *restrict threshold, real theta, real rest,
                          real alpha, real keep_s, real keep_y, int32_t n)
{
    int above = 0;
    if (threshold) {
        for (int i = 0; i < count; i++) {
            v[i] += (rest + s[i] - v[i]) * (until[i] <= n ? alpha : 0);
            s[i] *= keep_s;
            y[i] *= keep_y;
            above += v[i] > threshold[i];
        }
    } else {
        for (int i = 0; i < count; i++) {
            v[i] += (rest + s[i] - v[i]) * (until[i] <= n ? alpha : 0);
            s[i] *= keep_s;
            y[i] *= keep_y;
            above += v[i] > theta;
        }
    }
    return above;
}

static void step(Cells *c, real rest, real alpha, real keep_s, real keep_y, int32_t n, int refractory,
                 Spikes *spikes, int32_t offset)
{
    c->n_fired = 0;
    for (int a = 0; a < c->size; a += BLOCK) {
        int count = c->size - a < BLOCK ? c->size - a : BLOCK;
        real *threshold = c->threshold ? c->threshold + a : NULL;
        if (!advance(count, c->v + a, c->s + a, c->y + a, c->until + a, threshold, c->theta, rest, alpha, keep_s,
                     keep_y, n))
            continue;
        for (int i = a; i < a + count; i++)
            if (c->v[i] > (c->threshold ? c->threshold[i] : c->theta) && c->until[i] <= n) {
                c->fired[c->n_fired++] = i;
                c->until[i] = n + refractory;
                note(spikes, n, offset + i);
            }
    }
}

static void reset(Cells *c, real rest, real jump)
{
    for (int f = 0; f < c->n_fired; f++) {
        c->v[c->fired[f]] = rest;
        c->y[c->fired[f]] += jump;
    }
}

static inline real clip(real w, real low, real high)
{
    w = w < low ? low : w;
    return w > high ? high : w;
}

static void sweep(real *restrict w, const real *restrict y, int count, real slope, real low, real high)
{
    for (int j = 0; j < count; j++)
        w[j] = clip(w[j] + slope * y[j], low, high);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static double peak_mb(void)
{
    char line[256];
    double kb = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file && fgets(line, sizeof line, file))
        if (sscanf(line, "VmHWM: %lf", &kb) == 1)
            break;
    if (file)
        fclose(file);
    return kb / 1024;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: loop FOLDER SPIKES\n");
        return 2;
    }
    const char *folder = argv[1];
    int64_t *sizes = load(folder, "sizes", sizeof(int64_t), 5);
    const int n_pn = sizes[0], n_kc = sizes[1], n_mbon = sizes[2];
    const int32_t stop = sizes[3];
    const long n_input = sizes[4];
    double *k = load(folder, "constants", sizeof(double), N_CONSTANTS);
    int32_t *claw_first = load(folder, "claw_first", sizeof(int32_t), n_pn + 1);
    const long n_claws = claw_first[n_pn];
    int32_t *claw_kc = load(folder, "claw_kc", sizeof(int32_t), n_claws);
    real *claw_weight = load_real(folder, "claw_weight", n_claws);
    real *weight = load_real(folder, "kc_mbon", (size_t)n_mbon * n_kc);
    int32_t *input_tick = load(folder, "input_tick", sizeof(int32_t), n_input);
    int32_t *input_pn = load(folder, "input_pn", sizeof(int32_t), n_input);

    Cells kc = cells(n_kc, k[REST]), mbon = cells(n_mbon, k[REST]);
    kc.theta = (real)k[THRESHOLD];
    mbon.threshold = load_real(folder, "mbon_threshold", n_mbon);
    Spikes spikes = {malloc(2 * 65536 * sizeof(int32_t)), 0, 65536};
    const real alpha = (real)(1 - exp(-k[DT] / k[TAU])), alpha_apl = (real)(1 - exp(-k[DT] / k[TAU_APL]));
    const real keep_s = (real)exp(-k[DT] / k[TAU_SYNAPSE]), keep_y = (real)exp(-k[DT] / k[TAU_TRACE]);
    const real jump_s = (real)(1 / k[TAU_SYNAPSE]), jump_y = (real)(1 / k[TAU_TRACE]);
    const real rest = (real)k[REST], low = (real)k[LOW], high = (real)k[HIGH];
    const real potentiation = (real)k[POTENTIATION], depression = (real)k[DEPRESSION];
    const real kc_apl = (real)k[KC_APL], apl_kc = (real)k[APL_KC];
    const int refractory = (int)(k[REFRACTORY] / k[DT] + 1e-3);
    real apl = 0, s_apl = 0;
    long next = 0, n_mbon_spikes = 0;

    const double began = now();
    for (int32_t n = 0; n < stop; n++) {
        step(&kc, rest + apl_kc * apl, alpha, keep_s, keep_y, n, refractory, &spikes, 0);
        apl += (s_apl - apl) * alpha_apl;
        s_apl *= keep_s;
        step(&mbon, rest, alpha, keep_s, keep_y, n, refractory, &spikes, n_kc);
        n_mbon_spikes += mbon.n_fired;
        for (; next < n_input && input_tick[next] <= n; next++)
            for (int c = claw_first[input_pn[next]]; c < claw_first[input_pn[next] + 1]; c++)
                kc.s[claw_kc[c]] += claw_weight[c] * jump_s;
        s_apl += kc_apl * jump_s * kc.n_fired;
        for (int f = 0; f < kc.n_fired; f++)
            for (int i = 0; i < n_mbon; i++) {
                real *w = weight + (size_t)i * n_kc + kc.fired[f];
                mbon.s[i] += *w * jump_s;
                *w = clip(*w + depression * mbon.y[i], low, high);
            }
        for (int f = 0; f < mbon.n_fired; f++)
            sweep(weight + (size_t)mbon.fired[f] * n_kc, kc.y, n_kc, potentiation, low, high);
        reset(&kc, rest, jump_y);
        reset(&mbon, rest, jump_y);
    }
    const double seconds = now() - began;

    FILE *file = fopen(argv[2], "wb");
    if (!file || fwrite(spikes.pair, 2 * sizeof(int32_t), spikes.number, file) != (size_t)spikes.number) {
        fprintf(stderr, "loop: cannot write %s\n", argv[2]);
        return 1;
    }
    fclose(file);
    double total = 0;
    for (size_t j = 0; j < (size_t)n_mbon * n_kc; j++)
        total += weight[j];
    printf("{\"seconds\": %.9f, \"KC\": %ld, \"MBON\": %ld, \"peak_mb\": %.1f, \"weight\": %.17g}\n", seconds,
           spikes.number - n_mbon_spikes, n_mbon_spikes, peak_mb(), total);
    return 0;
}
