/* What the authority does: come into being, issue, renew. */
#include "pki/pki.h"

#include <limits.h>
#include <openssl/asn1.h>
#include <string.h>

#include "base/memory.h"
#include "pki/certificate.h"
#include "pki/folder.h"

enum {
    KEY_MODE = 0600,
    CERTIFICATE_MODE = 0644, /* every peer is shown it anyway */
    /* A machine's name becomes a file's; this is the longest that we put behind it. */
    MACHINE_NAME_MAX = NAME_MAX - (int)(sizeof ".pem.old.new" - 1),
};

/* A key and its certificate as they stand in a folder: NAME.key and NAME.pem. */
struct pair {
    EVP_PKEY *key;
    X509 *certificate;
};

static void owned_pair_free(struct pair *p)
{
    EVP_PKEY_free(p->key);
    X509_free(p->certificate);
}

static char *file_in(const char *folder, const char *name, const char *kind)
{
    return xasprintf("%s/%s.%s", folder, name, kind);
}

char *pki_authority_file(const char *folder)
{
    return file_in(folder, "authority", "pem");
}

/* The person in "administrator-NAME", lent; NULL: it is a machine, if anybody. */
static const char *person_of_owner(const char *owner)
{
    const size_t start = strlen(PKI_ADMINISTRATOR_START);
    bool person = strncmp(owner, PKI_ADMINISTRATOR_START, start) == 0;
    return person && person_name_valid(owner + start) ? owner + start : NULL;
}

char *pki_file(const char *folder, const char *owner)
{
    char machine[FQDN_SIZE];
    bool lower = !person_of_owner(owner) && fqdn_valid(owner, machine);
    return file_in(folder, lower ? machine : owner, "pem");
}

/* ---- pairs of files ---- */

static char *key_name_of(const char *name, const char *suffix)
{
    return xasprintf("%s.key%s", name, suffix);
}

static char *certificate_name_of(const char *name, const char *suffix)
{
    return xasprintf("%s.pem%s", name, suffix);
}

static enum failure stage_pair(struct folder *f, const char *name, const char *suffix,
                               const struct pair *p, struct error *e)
{
    OWNED(free_memory) char *key_name = key_name_of(name, suffix);
    OWNED(free_memory) char *certificate_name = certificate_name_of(name, suffix);
    OWNED(secret_free) struct buffer key = {0};
    OWNED(buffer_free) struct buffer certificate = {0};
    enum failure failed;
    if ((failed = key_text(p->key, &key, e)) ||
        (failed = certificate_text(p->certificate, &certificate, e)) ||
        (failed = folder_stage(f, key_name, buffer_view(&key), KEY_MODE, e)))
        return failed;
    failed = folder_stage(f, certificate_name, buffer_view(&certificate), CERTIFICATE_MODE, e);
    if (failed)
        folder_discard(f, key_name);
    return failed;
}

/* The certificate comes last: who sees it can rely on finding its key. */
static enum failure commit_pair(struct folder *f, const char *name, const char *suffix,
                                struct error *e)
{
    OWNED(free_memory) char *key_name = key_name_of(name, suffix);
    OWNED(free_memory) char *certificate_name = certificate_name_of(name, suffix);
    enum failure failed;
    if (!(failed = folder_commit(f, key_name, e)))
        return folder_commit(f, certificate_name, e);
    /* Once the key is in its place, the staged certificate stays: it tells pki_check() why the two
     * don't match. */
    if (folder_has_staged(f, key_name)) {
        folder_discard(f, key_name);
        folder_discard(f, certificate_name);
    }
    return failed;
}

static enum failure put_pair(struct folder *f, const char *name, const char *suffix,
                             const struct pair *p, struct error *e)
{
    enum failure failed = stage_pair(f, name, suffix, p, e);
    return failed ? failed : commit_pair(f, name, suffix, e);
}

/* For the first time: if it does not work, nothing is left behind. */
static enum failure put_first_pair(struct folder *f, const char *name, const struct pair *p,
                                   struct error *e)
{
    enum failure failed = put_pair(f, name, "", p, e);
    if (failed) {
        OWNED(free_memory) char *key_name = key_name_of(name, "");
        OWNED(free_memory) char *certificate_name = certificate_name_of(name, "");
        folder_discard(f, certificate_name);
        folder_remove(f, certificate_name);
        folder_remove(f, key_name);
        error_kept(e, "Nothing was made.");
    }
    return failed;
}

/* Refuses when either file is there. `again` is what to type if the pair is whole. */
static enum failure refuse_existing(struct folder *f, const char *folder, const char *name,
                                    const char *again, struct error *e)
{
    OWNED(free_memory) char *key_name = key_name_of(name, "");
    OWNED(free_memory) char *certificate_name = certificate_name_of(name, "");
    bool key = folder_has(f, key_name), certificate = folder_has(f, certificate_name);
    if (!key && !certificate)
        return OK;
    if (key && certificate) {
        fail(e, FAIL_REFUSED, "There are \"%s/%s\" and its key already.", folder, certificate_name);
        error_next(e, "%s", again);
    } else {
        fail(e, FAIL_REFUSED, "There is \"%s/%s\" already, without the other half of the pair.",
             folder, key ? key_name : certificate_name);
        error_next(e, "Put \"%s\" back, or move this one away if an interrupted command left it.",
                   key ? certificate_name : key_name);
    }
    return error_kept(e, "What is there was left as it was.");
}

/* ---- the authority itself ---- */

/* A line of text that people can read, in UTF-8. */
static bool name_fits(const char *name)
{
    const unsigned char *at = (const unsigned char *)name;
    int left = (int)strnlen(name, (size_t)4 * PKI_AUTHORITY_NAME_MAX + 1);
    int characters = 0;
    for (; left > 0; characters++) {
        unsigned long c;
        int n = UTF8_getc(at, left, &c);
        if (n <= 0 || c < ' ' || (c >= 0x7f && c < 0xa0))
            return false;
        at += n;
        left -= n;
    }
    return characters >= 1 && characters <= PKI_AUTHORITY_NAME_MAX;
}

static enum failure check_validity(struct pki_validity valid, struct error *e)
{
    if (valid.not_before < valid.not_after)
        return OK;
    return fail(e, FAIL_INVALID, "A certificate must end after it begins.");
}

enum failure pki_init(const char *folder, const char *name, struct pki_validity valid,
                      struct error *e)
{
    enum failure failed = check_validity(valid, e);
    if (failed)
        return failed;
    if (!name_fits(name))
        return fail(e, FAIL_INVALID, "An authority's name has 1 to %d characters that print.",
                    PKI_AUTHORITY_NAME_MAX);
    OWNED(folder_close) struct folder *f = folder_open(folder, true, e);
    if (!f)
        return e->kind;
    failed = refuse_existing(f, folder, "authority",
                             "To issue certificates with it, use \"pollux pki issue\"; for another "
                             "authority, name another folder with --dir.",
                             e);
    if (failed)
        return failed;

    const struct certificate_order order = {.common_name = name, .valid = valid};
    OWNED(pair_free) struct pair p = {.key = key_make(e)};
    if (!p.key || !(p.certificate = certificate_make(&order, p.key, NULL, NULL, e)))
        return e->kind;
    return put_first_pair(f, "authority", &p, e);
}

static enum failure read_pair(const char *folder, const char *name, struct pair *p, struct error *e)
{
    OWNED(free_memory) char *certificate = file_in(folder, name, "pem");
    OWNED(free_memory) char *key = file_in(folder, name, "key");
    if (!(p->certificate = certificate_read(certificate, e)) || !(p->key = key_read(key, e)))
        return e->kind;
    if (!certificate_has_key(p->certificate, p->key))
        return fail(e, FAIL_DAMAGED, "\"%s\" is not the key of \"%s\".", key, certificate);
    return OK;
}

static enum failure read_authority(const char *folder, struct pair *authority, struct error *e)
{
    enum failure failed = read_pair(folder, "authority", authority, e);
    if (failed == FAIL_NOT_FOUND)
        error_next(e, "Make the authority first, with \"pollux pki init\", or name the folder "
                      "where it is with --dir.");
    if (failed)
        return failed;
    if (X509_check_ca(authority->certificate) == 1)
        return OK;
    return fail(e, FAIL_FOREIGN, "The certificate in \"%s/authority.pem\" may not issue others.",
                folder);
}

/* ---- machines and people ---- */

/* A new key and a certificate for it. Nothing is valid for longer than who vouches for it. */
static enum failure make_pair(const struct pair *authority, struct certificate_order *order,
                              struct pair *made, struct error *e)
{
    time_t end = certificate_time(X509_get0_notAfter(authority->certificate));
    if (order->valid.not_after > end)
        order->valid.not_after = end;
    if (order->valid.not_before >= order->valid.not_after) {
        fail(e, FAIL_REFUSED, "The authority has expired.");
        return error_next(e, "Make a new one in another folder with \"pollux pki init\", and issue "
                             "new certificates to all machines.");
    }
    if (!(made->key = key_make(e)) ||
        !(made->certificate =
              certificate_make(order, made->key, authority->certificate, authority->key, e)))
        return e->kind;
    return OK;
}

static enum failure check_name(const char *what, const char *name, char lower[FQDN_SIZE],
                               struct error *e)
{
    if (fqdn_valid(name, lower))
        return OK;
    fail(e, FAIL_INVALID, "\"%s\" is not the full name of a %s.", name, what);
    return error_next(e, "A full name looks like \"atl-cs-001.litwareinc.com\".");
}

static enum failure check_machine(const char *name, char lower[FQDN_SIZE], struct error *e)
{
    enum failure failed = check_name("machine", name, lower, e);
    if (!failed && strlen(lower) > MACHINE_NAME_MAX)
        return fail(e, FAIL_INVALID, "A machine's name has at most %d characters here.",
                    MACHINE_NAME_MAX);
    return failed;
}

/* The first pair of somebody, whose files are to be called `name`. */
static enum failure issue(const char *authority_folder, const char *folder, const char *name,
                          struct certificate_order *order, struct error *e)
{
    OWNED(pair_free) struct pair authority = {0};
    OWNED(pair_free) struct pair made = {0};
    enum failure failed;
    if ((failed = check_validity(order->valid, e)) ||
        (failed = read_authority(authority_folder, &authority, e)))
        return failed;
    OWNED(folder_close) struct folder *f = folder_open(folder, true, e);
    if (!f)
        return e->kind;
    OWNED(free_memory)
    char *again = xasprintf("For a new key and certificate, use \"pollux pki renew %s\".", name);
    if ((failed = refuse_existing(f, folder, name, again, e)) ||
        (failed = make_pair(&authority, order, &made, e)))
        return failed;
    return put_first_pair(f, name, &made, e);
}

enum failure pki_issue(const char *authority_folder, const char *folder, const char *machine,
                       const char *pool, struct pki_validity valid, struct error *e)
{
    char names[2][FQDN_SIZE];
    enum failure failed;
    if ((failed = check_machine(machine, names[0], e)) ||
        (failed = check_name("pool", pool, names[1], e)))
        return failed;
    struct certificate_order order = {
        .common_name = names[0],
        .names = (const char *const[]){names[0], names[1]},
        .name_count = strcmp(names[0], names[1]) == 0 ? 1 : 2,
        .valid = valid,
    };
    return issue(authority_folder, folder, names[0], &order, e);
}

enum failure pki_administrator(const char *authority_folder, const char *folder, const char *name,
                               struct pki_validity valid, struct error *e)
{
    if (!person_name_valid(name)) {
        fail(e, FAIL_INVALID, "\"%s\" is not the name of a person's account.", name);
        return error_next(e,
                          "It begins with a letter or \"_\", goes on with letters, digits, \"_\", "
                          "\".\" and \"-\", and has at most %d of them.",
                          PERSON_NAME_SIZE - 1);
    }
    OWNED(free_memory) char *owner = xasprintf(PKI_ADMINISTRATOR_START "%s", name);
    struct certificate_order order = {.common_name = name, .administrator = name, .valid = valid};
    return issue(authority_folder, folder, owner, &order, e);
}

static enum failure check_owner(const char *owner, char files[FQDN_SIZE], struct error *e)
{
    if (!person_of_owner(owner))
        return check_machine(owner, files, e);
    memcpy(files, owner, strlen(owner) + 1);
    return OK;
}

/* Is what is to be renewed ours, and are its names such that we would issue them? */
static enum failure check_present(const char *file, const char *owner, X509 *present,
                                  const struct pki_certificate *says, const struct pair *authority,
                                  struct error *e)
{
    if (X509_verify(present, authority->key) != 1) {
        fail(e, FAIL_FOREIGN, "\"%s\" was not issued by this authority.", file);
        error_next(e, "Move it and its key away and use \"pollux pki issue\".");
        return error_kept(e, "It was left as it was.");
    }
    const char *person = person_of_owner(owner);
    bool its_own = person && strcmp(says->administrator, person) == 0;
    for (size_t i = 0; i < says->name_count; i++) {
        char lower[FQDN_SIZE];
        if (!fqdn_valid(says->names[i], lower))
            return fail(e, FAIL_FOREIGN,
                        "\"%s\" in \"%s\" is not the full name of a machine or pool.",
                        says->names[i], file);
        its_own |= strcmp(lower, owner) == 0;
    }
    if (its_own)
        return OK;
    fail(e, FAIL_FOREIGN, "The certificate in \"%s\" does not name %s.", file,
         person ? person : owner);
    return error_kept(e, "It was left as it was.");
}

/* Copies a pair that matches to .old. One that does not (a renewal was interrupted, the key is
 * elsewhere) is not worth taking the place of one that once worked. */
static enum failure keep_old(struct folder *f, const char *folder, const char *machine, bool *kept,
                             struct error *e)
{
    OWNED(pair_free) struct pair old = {0};
    enum failure failed = read_pair(folder, machine, &old, e);
    *kept = false;
    if (failed == FAIL_NOT_FOUND || failed == FAIL_FOREIGN || failed == FAIL_DAMAGED)
        return OK;
    if (failed || (failed = put_pair(f, machine, ".old", &old, e)))
        return failed;
    *kept = true;
    return OK;
}

static enum failure put_renewed_pair(struct folder *f, const char *folder, const char *name,
                                     const struct pair *p, bool *kept, struct error *e)
{
    enum failure failed;
    if ((failed = keep_old(f, folder, name, kept, e)) || (failed = stage_pair(f, name, "", p, e))) {
        error_kept(e, "The present pair was left as it was.");
        return failed;
    }
    failed = commit_pair(f, name, "", e);
    if (failed && *kept)
        error_next(e,
                   "Key and certificate may not match now; the pair of before is in %s.pem.old "
                   "and %s.key.old. Renew again when the cause is mended.",
                   name, name);
    else if (failed)
        error_next(e, "Key and certificate may not match now. Renew again when the cause is "
                      "mended.");
    return failed;
}

enum failure pki_renew(const char *authority_folder, const char *folder, const char *owner,
                       struct pki_validity valid, bool *kept, struct error *e)
{
    char name[FQDN_SIZE];
    OWNED(pair_free) struct pair authority = {0};
    enum failure failed;
    *kept = false;
    if ((failed = check_owner(owner, name, e)) || (failed = check_validity(valid, e)) ||
        (failed = read_authority(authority_folder, &authority, e)))
        return failed;
    OWNED(folder_close) struct folder *f = folder_open(folder, false, e);
    OWNED(free_memory) char *file = pki_file(folder, name);
    OWNED(X509_free) X509 *present = f ? certificate_read(file, e) : NULL;
    if (!present) {
        if (e->kind == FAIL_NOT_FOUND)
            error_next(e, "The first certificate comes from \"pollux pki %s\".",
                       person_of_owner(name) ? "administrator" : "issue");
        return e->kind;
    }
    struct pki_certificate says;
    certificate_describe(present, &says);
    if ((failed = check_present(file, name, present, &says, &authority, e)))
        return failed;

    const char *administrator = says.administrator[0] ? says.administrator : NULL;
    const char *names[PKI_NAMES_MAX];
    for (size_t i = 0; i < says.name_count; i++)
        names[i] = says.names[i];
    struct certificate_order order = {.common_name = administrator ? administrator : name,
                                      .names = names,
                                      .name_count = says.name_count,
                                      .administrator = administrator,
                                      .valid = valid};
    OWNED(pair_free) struct pair made = {0};
    failed = make_pair(&authority, &order, &made, e);
    return failed ? failed : put_renewed_pair(f, folder, name, &made, kept, e);
}

/* ---- what a certificate says ---- */

enum failure pki_read_certificate(const char *file, struct pki_certificate *out, struct error *e)
{
    OWNED(X509_free) X509 *certificate = certificate_read(file, e);
    if (!certificate)
        return e->kind;
    certificate_describe(certificate, out);
    return OK;
}

enum failure pki_certificate_expiry(const char *file, time_t *not_after, struct error *e)
{
    struct pki_certificate says;
    enum failure failed = pki_read_certificate(file, &says, e);
    if (!failed)
        *not_after = says.not_after;
    return failed;
}
