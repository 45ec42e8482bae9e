/* SPDX-License-Identifier: Apache-2.0
 * The operation readability: six formulas for English. */
#include "analyzer.h"

#include <math.h>

struct measure {
    double words, sentences, syllables, complex, letters, alphanumerics;
};

static bool is_vowel(char c)
{
    return c && strchr("aeiouyAEIOUY", c);
}

/* Groups of vowels, less one for a last e that stands not after l; at least one. */
static size_t count_syllables(struct span word)
{
    size_t groups = 0, size = word.size;
    for (size_t i = 0; i < size; i++)
        groups += is_vowel(word.data[i]) && (i == 0 || !is_vowel(word.data[i - 1]));
    bool silent = size > 0 && (word.data[size - 1] | 0x20) == 'e' &&
                  (size < 2 || (word.data[size - 2] | 0x20) != 'l');
    if (silent && groups > 0)
        groups--;
    return groups ? groups : 1;
}

static int32_t measure_word(void *data, struct span word)
{
    struct measure *measure = data;
    size_t syllables = count_syllables(word);
    measure->words++;
    measure->syllables += (double)syllables;
    measure->complex += syllables >= 3;
    for (size_t at = 0; at < word.size;) {
        UChar32 point = next_point(word, &at);
        measure->letters += u_isalpha(point) ? 1 : 0;
        measure->alphanumerics += u_isalnum(point) ? 1 : 0;
    }
    return 0;
}

static int32_t measure_sentence(void *data, struct span sentence)
{
    struct measure *measure = data;
    (void)sentence;
    measure->sentences++;
    return 0;
}

static json_t *scores(const struct measure *m)
{
    double length = m->words / m->sentences, weight = m->syllables / m->words;
    double flesch = 206.835 - 1.015 * length - 84.6 * weight;
    double kincaid = 0.39 * length + 11.8 * weight - 15.59;
    double fog = 0.4 * (length + 100 * m->complex / m->words);
    double smog = 1.0430 * sqrt(m->complex * 30 / m->sentences) + 3.1291;
    double coleman =
        0.0588 * (100 * m->letters / m->words) - 0.296 * (100 * m->sentences / m->words) - 15.8;
    double automated = 4.71 * (m->alphanumerics / m->words) + 0.5 * length - 21.43;
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "words",
                     number_json(m->words), "sentences", number_json(m->sentences), "syllables",
                     number_json(m->syllables), "flesch_reading_ease", number_json(flesch),
                     "flesch_kincaid_grade", number_json(kincaid), "gunning_fog", number_json(fog),
                     "smog", number_json(smog), "coleman_liau", number_json(coleman),
                     "automated_readability", number_json(automated));
}

int32_t run_readability(const struct task *task, json_t **ret_result)
{
    struct measure measure = {0};
    int32_t rc = words_each(task, task->text, measure_word, &measure);
    if (rc == 0)
        rc = sentences_each(task, task->text, measure_sentence, &measure);
    if (rc < 0)
        return rc;
    if (measure.words == 0)
        return llmspell_fail_at(task->call, LLMSPELL_EPARSE, task->pointer,
                                "the text has no words, so there is nothing to measure");
    return llmspell_return(task->call, ret_result, scores(&measure));
}
