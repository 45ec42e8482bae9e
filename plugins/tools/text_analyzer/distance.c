/* SPDX-License-Identifier: Apache-2.0
 * Distances of two sequences, in linear space. */
#include "analyzer.h"

#define CELLS_MAX 20000000000ull /* half a minute */
#define WORK_STEP 1000000        /* cells between two looks at the cancel flag */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static int32_t check_size(struct llmspell_call *call, size_t n, size_t m)
{
    if ((uint64_t)n * m <= CELLS_MAX)
        return 0;
    return llmspell_fail(call, LLMSPELL_ELIMIT,
                         "texts that differ in %zu and %zu characters are too long for this "
                         "method; use jaccard, cosine or dice",
                         n, m);
}

static int32_t look(struct llmspell_call *call, size_t *work, size_t cells, size_t row, size_t rows)
{
    *work += cells;
    if (*work < WORK_STEP)
        return 0;
    *work = 0;
    call->host->progress(call, (double)row, (double)rows, "comparing");
    return llmspell_cancelled(call);
}

/* Equal ends do not count; what is left is shorter in b. */
static struct symbols reduce(struct symbols s)
{
    while (s.a_count && s.b_count && s.a[0] == s.b[0]) {
        s.a++;
        s.b++;
        s.a_count--;
        s.b_count--;
    }
    while (s.a_count && s.b_count && s.a[s.a_count - 1] == s.b[s.b_count - 1]) {
        s.a_count--;
        s.b_count--;
    }
    if (s.a_count < s.b_count)
        return (struct symbols){s.b, s.a, s.b_count, s.a_count, s.kinds};
    return s;
}

int32_t distance_levenshtein(struct llmspell_call *call, struct symbols symbols, size_t *ret)
{
    struct symbols s = reduce(symbols);
    size_t work = 0;
    int32_t rc = check_size(call, s.a_count, s.b_count);
    LLMSPELL_CLEANUP_FREE uint32_t *row = malloc((s.b_count + 1) * sizeof *row);
    if (rc < 0)
        return rc;
    if (!row)
        return no_memory(call);
    for (size_t k = 0; k <= s.b_count; k++)
        row[k] = (uint32_t)k;
    for (size_t i = 1; i <= s.a_count && rc == 0; i++) {
        uint32_t corner = row[0], symbol = s.a[i - 1], left = (uint32_t)i;
        row[0] = left;
        for (size_t k = 1; k <= s.b_count; k++) {
            uint32_t above = row[k], best = corner + (symbol != s.b[k - 1]);
            best = above + 1 < best ? above + 1 : best;
            best = left + 1 < best ? left + 1 : best;
            corner = above;
            row[k] = left = best;
        }
        rc = look(call, &work, s.b_count, i, s.a_count);
    }
    *ret = row[s.b_count];
    return rc;
}

/* ---- Damerau, after Zhao and Sahni, "String correction using the Damerau-Levenshtein distance"
 * (2019): three rows and the last row of each symbol are enough ---- */

struct damerau {
    struct symbols s;
    int64_t *now, *above; /* rows; index -1 is there, and large */
    int64_t *transposed;  /* for each column, the cost before its last match */
    int64_t *last_row;    /* for each symbol */
    int64_t infinity;
};

static void damerau_row(struct damerau *d, int64_t i)
{
    uint32_t symbol = d->s.a[i - 1];
    int64_t last_column = -1, older = d->now[0], pending = d->infinity;
    d->now[0] = i;
    for (int64_t k = 1; k <= (int64_t)d->s.b_count; k++) {
        uint32_t other = d->s.b[k - 1];
        int64_t best = d->above[k - 1] + (symbol != other), swap = d->infinity;
        best = d->now[k - 1] + 1 < best ? d->now[k - 1] + 1 : best;
        best = d->above[k] + 1 < best ? d->above[k] + 1 : best;
        if (symbol == other) {
            last_column = k;
            d->transposed[k] = d->above[k - 2];
            pending = older;
        } else if (k - last_column == 1) {
            swap = d->transposed[k] + i - d->last_row[other];
        } else if (i - d->last_row[other] == 1) {
            swap = pending + k - last_column;
        }
        older = d->now[k];
        d->now[k] = swap < best ? swap : best;
    }
    d->last_row[symbol] = i;
}

static int32_t damerau_rows(struct llmspell_call *call, struct damerau *d)
{
    size_t work = 0;
    int32_t rc = 0;
    for (int64_t i = 1; i <= (int64_t)d->s.a_count && rc == 0; i++) {
        int64_t *swapped = d->now;
        d->now = d->above;
        d->above = swapped;
        damerau_row(d, i);
        rc = look(call, &work, d->s.b_count * 2, (size_t)i, d->s.a_count);
    }
    return rc;
}

int32_t distance_damerau(struct llmspell_call *call, struct symbols symbols, size_t *ret)
{
    struct damerau d = {.s = reduce(symbols)};
    size_t row = d.s.b_count + 2;
    int32_t rc = check_size(call, d.s.a_count, d.s.b_count);
    if (rc < 0)
        return rc;
    LLMSPELL_CLEANUP_FREE int64_t *memory = malloc((row * 3 + d.s.kinds) * sizeof *memory);
    if (!memory)
        return no_memory(call);
    d.infinity = (int64_t)(d.s.a_count + d.s.b_count + 1);
    for (size_t i = 0; i < row * 3; i++)
        memory[i] = d.infinity;
    for (size_t i = 0; i < d.s.kinds; i++)
        memory[row * 3 + i] = -1;
    d.now = memory + 1;
    d.above = memory + row + 1;
    d.transposed = memory + row * 2 + 1;
    d.last_row = memory + row * 3;
    for (size_t k = 0; k <= d.s.b_count; k++)
        d.now[k] = (int64_t)k;
    rc = damerau_rows(call, &d);
    *ret = (size_t)d.now[d.s.b_count];
    return rc;
}

/* ---- Jaro and Winkler ---- */

/* Marks symbols that have a partner near enough; returns how many, and half of those that are out
 * of order. */
static int32_t match_symbols(struct llmspell_call *call, const struct symbols *s, bool *a_matched,
                             bool *b_matched, size_t *ret_matches)
{
    size_t longest = s->a_count > s->b_count ? s->a_count : s->b_count, work = 0;
    size_t window = longest / 2 ? longest / 2 - 1 : 0;
    for (size_t i = 0; i < s->a_count; i++) {
        size_t from = i > window ? i - window : 0, to = least(s->b_count, i + window + 1);
        int32_t rc = look(call, &work, to > from ? to - from : 1, i, s->a_count);
        if (rc < 0)
            return rc;
        for (size_t k = from; k < to; k++) {
            if (b_matched[k] || s->a[i] != s->b[k])
                continue;
            a_matched[i] = b_matched[k] = true;
            ++*ret_matches;
            break;
        }
    }
    return 0;
}

static size_t count_transposed(const struct symbols *s, const bool *a_matched,
                               const bool *b_matched)
{
    size_t count = 0, k = 0;
    for (size_t i = 0; i < s->a_count; i++) {
        if (!a_matched[i])
            continue;
        while (!b_matched[k])
            k++;
        count += s->a[i] != s->b[k++];
    }
    return count / 2;
}

int32_t similarity_jaro_winkler(struct llmspell_call *call, const struct symbols *symbols,
                                double *ret)
{
    size_t n = symbols->a_count, m = symbols->b_count, matches = 0, prefix = 0;
    *ret = n == 0 && m == 0;
    int32_t rc = check_size(call, n, m);
    if (rc < 0 || n == 0 || m == 0)
        return rc;
    LLMSPELL_CLEANUP_FREE bool *matched = calloc(n + m, sizeof *matched);
    if (!matched)
        return no_memory(call);
    rc = match_symbols(call, symbols, matched, matched + n, &matches);
    if (rc < 0 || matches == 0)
        return rc;
    size_t transposed = count_transposed(symbols, matched, matched + n);
    double share = (double)matches;
    double jaro =
        (share / (double)n + share / (double)m + (share - (double)transposed) / share) / 3;
    while (prefix < 4 && prefix < least(n, m) && symbols->a[prefix] == symbols->b[prefix])
        prefix++;
    *ret = jaro + (double)prefix * 0.1 * (1 - jaro);
    return 0;
}
