/* SPDX-License-Identifier: Apache-2.0
 * A commit as JSON, and sorted lists. */
#include "git_inspector.h"

json_t *id_value(const git_oid *id, unsigned digits)
{
    char text[GIT_OID_HEXSZ + 1];
    return json_string(git_oid_tostr(text, digits + 1, id));
}

static json_t *person_value(const git_signature *person, const char *encoding)
{
    if (!person)
        return json_pack("{s:s, s:s, s:n}", "name", "", "email", "", "time");
    return json_pack("{s:o, s:o, s:o}", "name",
                     text_value(person->name, strlen(person->name), encoding), "email",
                     text_value(person->email, strlen(person->email), encoding), "time",
                     time_value(&person->when));
}

static json_t *parents_value(git_commit *commit)
{
    json_t *parents = json_array();
    for (unsigned i = 0; i < git_commit_parentcount(commit); i++)
        json_array_append_new(parents, id_value(git_commit_parent_id(commit, i), GIT_OID_HEXSZ));
    return parents;
}

static json_t *message_value(const char *text, const char *encoding)
{
    return text ? text_value(text, strlen(text), encoding) : json_string("");
}

json_t *commit_value(git_commit *commit)
{
    const git_oid *id = git_commit_id(commit);
    const char *encoding = git_commit_message_encoding(commit);
    return json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "id", id_value(id, GIT_OID_HEXSZ), "short",
        id_value(id, SHORT_ID), "author", person_value(git_commit_author(commit), encoding),
        "committer", person_value(git_commit_committer(commit), encoding), "subject",
        message_value(git_commit_summary(commit), encoding), "body",
        message_value(git_commit_body(commit), encoding), "parents", parents_value(commit));
}
