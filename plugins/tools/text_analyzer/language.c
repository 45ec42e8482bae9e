/* SPDX-License-Identifier: Apache-2.0
 * The operation language: libexttextcat's profiles of n-grams. Its own classifier only tells what
 * lies near to the best, among all its languages; here each language of ISO 639-1 is compared, so
 * that a confidence can be given. */
#include "analyzer.h"

#include <errno.h>
#include <math.h>

#include <fingerprint.h>
#include <unicode/uloc.h>
#include <unicode/ustring.h>

#define FOLDER "/usr/share/libexttextcat/"
#define NGRAMS 400   /* of a profile, as the library has it */
#define SAMPLE 16384 /* bytes of the text that are looked at */
#define PROFILES_MAX 256
#define WORD_BONUS 0.25 /* what a text of nothing but function words gains */
#define RARE_MALUS 1.03 /* most texts are in one of few languages */
#define SHARPNESS 0.02  /* relative distance at which a language is less likely by e */
#define CONFIDENCE_MIN 0.01

struct profile {
    void *ngrams;
    char language[LANGUAGE_CODE];
};

struct languages {
    pthread_mutex_t lock;
    bool loaded;
    struct profile profiles[PROFILES_MAX];
    size_t count;
};

struct languages *languages_new(void)
{
    struct languages *languages = calloc(1, sizeof *languages);
    if (languages)
        pthread_mutex_init(&languages->lock, NULL);
    return languages;
}

void languages_free(struct languages *languages)
{
    if (!languages)
        return;
    for (size_t i = 0; i < languages->count; i++)
        fp_Done(languages->profiles[i].ngrams);
    pthread_mutex_destroy(&languages->lock);
    free(languages);
}

/* ---- profiles ---- */

/* A line is FILE and a name, the file "de.lm" or "zh-Hans.lm". What has no two-letter code is left
 * out: Scots would often be more like an English text than English. */
static void load_profile(struct languages *languages, const char *line)
{
    char file[64], path[128];
    if (*line == '#' || sscanf(line, "%63s", file) != 1 || strcspn(file, "-.") != 2 ||
        languages->count == PROFILES_MAX)
        return;
    snprintf(path, sizeof path, FOLDER "%s", file);
    struct profile profile = {.ngrams = fp_Init(file)};
    snprintf(profile.language, sizeof profile.language, "%.2s", file);
    if (!profile.ngrams)
        return;
    if (fp_Read(profile.ngrams, path, NGRAMS)) {
        fp_SetProperty(profile.ngrams, TCPROP_UTF8AWARE, TC_TRUE);
        languages->profiles[languages->count++] = profile;
    } else {
        fp_Done(profile.ngrams);
    }
}

static int32_t load_profiles(struct llmspell_call *call, struct languages *languages)
{
    char line[256];
    LLMSPELL_CLEANUP_FCLOSE FILE *list = fopen(FOLDER "fpdb.conf", "re");
    while (list && fgets(line, sizeof line, list))
        load_profile(languages, line);
    if (languages->count == 0)
        return llmspell_fail(call, LLMSPELL_EUNAVAILABLE,
                             "the profiles of languages cannot be read; install the package "
                             "libexttextcat-data");
    languages->loaded = true;
    return 0;
}

static int32_t need_profiles(const struct task *task)
{
    struct languages *languages = task->languages;
    pthread_mutex_lock(&languages->lock);
    int32_t rc = languages->loaded ? 0 : load_profiles(task->call, languages);
    pthread_mutex_unlock(&languages->lock);
    return rc;
}

/* ---- the text ---- */

static bool has_letters(struct span text, size_t wanted)
{
    size_t letters = 0;
    for (size_t at = 0; at < text.size && letters < wanted;)
        letters += u_isalpha(next_point(text, &at)) ? 1 : 0;
    return letters >= wanted;
}

/* The first part of the text, whole code points. */
static struct span sample_of(struct span text)
{
    size_t size = text.size < SAMPLE ? text.size : SAMPLE;
    while (size < text.size && size > 0 && ((unsigned char)text.data[size] & 0xC0) == 0x80)
        size--;
    return (struct span){text.data, size};
}

/* The share of words that are function words of the language. */
static int32_t share_of_stops(const struct task *task, const struct table *words,
                              const char *language, double *ret)
{
    CLEANUP_TABLE struct table list = {0};
    size_t hits = 0;
    int32_t rc = stop_words_load(task->call, language, &list);
    for (size_t i = 0; i < words->count && list.count; i++)
        hits += table_find(&list, words->entries[i].key) ? words->entries[i].count : 0;
    *ret = words->total ? (double)hits / (double)words->total : 0;
    return rc;
}

static bool is_common(const char *language)
{
    static const char common[] =
        "en es fr de it pt nl ru pl tr sv da nb fi cs hu ro el bg uk ar he "
        "fa hi bn ja zh ko vi id th";
    const char *at = strstr(common, language);
    return at != NULL;
}

/* ---- comparison ---- */

struct guess {
    char language[LANGUAGE_CODE];
    double distance, confidence;
};

static int compare_guesses(const void *a, const void *b)
{
    const struct guess *one = a, *other = b;
    if (one->distance != other->distance)
        return one->distance < other->distance ? -1 : 1;
    return strcmp(one->language, other->language);
}

/* The best profile of each language. */
static size_t measure_all(const struct languages *languages, void *text, struct guess *guesses)
{
    size_t count = 0;
    for (size_t i = 0; i < languages->count; i++) {
        const struct profile *profile = &languages->profiles[i];
        double distance = fp_Compare(profile->ngrams, text, INT32_MAX);
        size_t at = 0;
        while (at < count && strcmp(guesses[at].language, profile->language) != 0)
            at++;
        if (at == count)
            guesses[count++].distance = INFINITY;
        snprintf(guesses[at].language, LANGUAGE_CODE, "%s", profile->language);
        guesses[at].distance = fmin(guesses[at].distance, distance);
    }
    return count;
}

static int32_t weigh(const struct task *task, const struct table *words, struct guess *guesses,
                     size_t count)
{
    for (size_t i = 0; i < count; i++) {
        double share = 0;
        int32_t rc = share_of_stops(task, words, guesses[i].language, &share);
        if (rc < 0)
            return rc;
        guesses[i].distance *= 1 - WORD_BONUS * share;
        guesses[i].distance *= is_common(guesses[i].language) ? 1 : RARE_MALUS;
    }
    qsort(guesses, count, sizeof *guesses, compare_guesses);
    double sum = 0, best = fmax(guesses[0].distance, 1);
    for (size_t i = 0; i < count; i++) {
        guesses[i].confidence = exp((best - fmax(guesses[i].distance, 1)) / (SHARPNESS * best));
        sum += guesses[i].confidence;
    }
    for (size_t i = 0; i < count; i++)
        guesses[i].confidence /= sum;
    return 0;
}

static int32_t take_ngrams(const struct task *task, struct span text, void **ret)
{
    void *ngrams = fp_Init(NULL);
    if (!ngrams)
        return no_memory(task->call);
    fp_SetProperty(ngrams, TCPROP_UTF8AWARE, TC_TRUE);
    fp_SetProperty(ngrams, TCPROP_MINIMUM_DOCUMENT_SIZE, 1);
    *ret = ngrams;
    return fp_Create(ngrams, text.data, (uint4)text.size, NGRAMS)
               ? 0
               : llmspell_fail(task->call, LLMSPELL_EFAILED, "no n-grams can be made of the text");
}

/* All languages, the likeliest first. *ret_count 0: there are too few letters. */
static int32_t guess_all(const struct task *task, struct guess *guesses, size_t *ret_count)
{
    CLEANUP_TABLE struct table words = {0};
    CLEANUP_FOLDER struct folder folder = {0};
    struct span sample = sample_of(task->text), lower = sample;
    void *ngrams = NULL;
    *ret_count = 0;
    if (!has_letters(task->text, LANGUAGE_LETTERS_MIN))
        return 0;
    int32_t rc = need_profiles(task);
    if (rc == 0)
        rc = folder_init(&folder, task->call);
    if (rc == 0)
        rc = folder_lower(&folder, sample, &lower);
    if (rc == 0)
        rc = count_words(task, sample, &words);
    if (rc == 0)
        rc = take_ngrams(task, lower, &ngrams);
    if (rc == 0) {
        *ret_count = measure_all(task->languages, ngrams, guesses);
        rc = weigh(task, &words, guesses, *ret_count);
    }
    if (ngrams)
        fp_Done(ngrams);
    return rc;
}

int32_t language_guess(const struct task *task, char *ret_language)
{
    struct guess guesses[PROFILES_MAX];
    size_t count = 0;
    int32_t rc = guess_all(task, guesses, &count);
    if (rc == 0)
        snprintf(ret_language, LANGUAGE_CODE + 1, "%s", count ? guesses[0].language : "und");
    return rc;
}

/* ---- the result ---- */

/* "German", by ICU; the code itself if ICU has no name. */
static json_t *name_json(const char *language)
{
    UChar name[64];
    char text[256];
    UErrorCode code = U_ZERO_ERROR;
    int32_t size = uloc_getDisplayLanguage(language, "en", name, 64, &code);
    if (U_FAILURE(code) || size >= 64)
        return json_string(language);
    u_strToUTF8(text, sizeof text, NULL, name, size, &code);
    return json_string(U_FAILURE(code) ? language : text);
}

/* Six digits say more than the method knows. */
static json_t *confidence_json(double confidence)
{
    return number_json(floor(confidence * 1e6 + 0.5) / 1e6);
}

static json_t *candidates_json(const struct guess *guesses, size_t count, size_t limit)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < limit && guesses[i].confidence >= CONFIDENCE_MIN; i++)
        json_array_append_new(list,
                              json_pack("{s:s, s:o}", "language", guesses[i].language, "confidence",
                                        confidence_json(guesses[i].confidence)));
    return list;
}

int32_t run_language(const struct task *task, json_t **ret_result)
{
    struct guess guesses[PROFILES_MAX];
    size_t count = 0, limit = (size_t)llmspell_integer(task->params, "limit", 20);
    int32_t rc = guess_all(task, guesses, &count);
    if (rc < 0)
        return rc;
    return llmspell_return(
        task->call, ret_result,
        json_pack("{s:s, s:o, s:o, s:o}", "language", count ? guesses[0].language : "und", "name",
                  count ? name_json(guesses[0].language) : json_string("Undetermined"),
                  "confidence", confidence_json(count ? guesses[0].confidence : 0), "candidates",
                  candidates_json(guesses, count, limit)));
}
