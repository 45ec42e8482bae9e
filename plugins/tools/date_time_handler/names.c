/* SPDX-License-Identifier: Apache-2.0
 * Names of months and weekdays: English ones are here; those of other languages come from ICU,
 * which is loaded when they are first asked for (it takes as long as ten calls without it). */
#include <dlfcn.h>
#include <strings.h>

#include <unicode/udat.h>
#include <unicode/uloc.h>
#include <unicode/ustring.h>

#include "date_time.h"

#define TEXT_OF(name) #name
#define SYMBOL(name) TEXT_OF(name) /* the name with ICU's version behind it */
#define LIBRARY(stem, version) stem ".so." SYMBOL(version)
#define NAME_UNITS 64

const struct names names_english = {
    .months = {"January", "February", "March", "April", "May", "June", "July", "August",
               "September", "October", "November", "December"},
    .short_months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
                     "Dec"},
    .weekdays = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
    .short_weekdays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"},
    .halves = {"AM", "PM"},
};

/* What is used of ICU. The libraries stay loaded. */
struct icu {
    void *i18n, *common;
    __typeof__(&udat_open) open;
    __typeof__(&udat_close) close;
    __typeof__(&udat_getSymbols) get_symbols;
    __typeof__(&udat_getLocaleByType) get_locale;
    __typeof__(&u_strToUTF8) to_utf8;
};

static void icu_clear(struct icu *icu)
{
    if (icu->common)
        dlclose(icu->common);
    if (icu->i18n)
        dlclose(icu->i18n);
}

static bool icu_load(struct icu *icu)
{
    const int flags = RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE;
    *icu = (struct icu){0};
    icu->i18n = dlopen(LIBRARY("libicui18n", U_ICU_VERSION_MAJOR_NUM), flags);
    icu->common = dlopen(LIBRARY("libicuuc", U_ICU_VERSION_MAJOR_NUM), flags);
    if (!icu->i18n || !icu->common)
        return false;
    *(void **)&icu->open = dlsym(icu->i18n, SYMBOL(udat_open));
    *(void **)&icu->close = dlsym(icu->i18n, SYMBOL(udat_close));
    *(void **)&icu->get_symbols = dlsym(icu->i18n, SYMBOL(udat_getSymbols));
    *(void **)&icu->get_locale = dlsym(icu->i18n, SYMBOL(udat_getLocaleByType));
    *(void **)&icu->to_utf8 = dlsym(icu->common, SYMBOL(u_strToUTF8));
    return icu->open && icu->close && icu->get_symbols && icu->get_locale && icu->to_utf8;
}

/* first: the index of the first of count symbols of that kind. */
static bool copy_symbols(const struct icu *icu, const UDateFormat *format,
                         UDateFormatSymbolType type, int first, int count,
                         char (*ret_names)[NAME_BYTES])
{
    for (int i = 0; i < count; i++) {
        UErrorCode error = U_ZERO_ERROR;
        UChar text[NAME_UNITS];
        int32_t length = icu->get_symbols(format, type, first + i, text, NAME_UNITS, &error);
        icu->to_utf8(ret_names[i], NAME_BYTES, NULL, text, length, &error);
        if (U_FAILURE(error) || error == U_STRING_NOT_TERMINATED_WARNING)
            return false;
    }
    return true;
}

static bool copy_names(const struct icu *icu, const UDateFormat *format, struct names *ret_names)
{
    return copy_symbols(icu, format, UDAT_MONTHS, 0, 12, ret_names->months) &&
           copy_symbols(icu, format, UDAT_SHORT_MONTHS, 0, 12, ret_names->short_months) &&
           copy_symbols(icu, format, UDAT_WEEKDAYS, 1, 7, ret_names->weekdays) &&
           copy_symbols(icu, format, UDAT_SHORT_WEEKDAYS, 1, 7, ret_names->short_weekdays) &&
           copy_symbols(icu, format, UDAT_AM_PMS, 0, 2, ret_names->halves);
}

/* For a language that it does not know ICU answers with that of the process, or with its root. */
static bool is_known(const struct icu *icu, const UDateFormat *format, const char *locale)
{
    UErrorCode error = U_ZERO_ERROR;
    const char *found = icu->get_locale(format, ULOC_VALID_LOCALE, &error);
    size_t language = strcspn(locale, "_-");
    return U_SUCCESS(error) && found && strcmp(found, "root") != 0 &&
           strcspn(found, "_-") == language && strncasecmp(found, locale, language) == 0;
}

static int32_t load_locale(struct llmspell_call *call, const struct icu *icu, const char *locale,
                           struct names *ret_names)
{
    UErrorCode error = U_ZERO_ERROR;
    char gregorian[128];
    snprintf(gregorian, sizeof gregorian, "%s@calendar=gregorian", locale);
    UDateFormat *format = icu->open(UDAT_FULL, UDAT_FULL, gregorian, NULL, 0, NULL, 0, &error);
    bool known =
        U_SUCCESS(error) && is_known(icu, format, locale) && copy_names(icu, format, ret_names);
    if (format)
        icu->close(format);
    if (error == U_MEMORY_ALLOCATION_ERROR)
        return no_memory(call);
    return known ? 0
                 : llmspell_fail_at(call, LLMSPELL_EINVAL, "/locale",
                                    "there are no names for the locale %s; use one such as de or "
                                    "pt-BR",
                                    locale);
}

int32_t names_load(struct llmspell_call *call, const char *locale, struct names *ret_names)
{
    struct icu icu;
    if (strcmp(locale, "en") == 0 || strcmp(locale, "en-US") == 0 || strcmp(locale, "en_US") == 0) {
        *ret_names = names_english;
        return 0;
    }
    int32_t rc = icu_load(&icu) ? load_locale(call, &icu, locale, ret_names)
                                : llmspell_fail_at(call, LLMSPELL_EUNAVAILABLE, "/locale",
                                                   "names other than English need ICU: install the "
                                                   "package libicu%d",
                                                   U_ICU_VERSION_MAJOR_NUM);
    icu_clear(&icu);
    return rc;
}
