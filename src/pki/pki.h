/* The deployment's own certificates: one authority, and one certificate for each machine and for
 * each person who gives commands from elsewhere.
 *
 * A certificate names the machine and its pool, or the person; the authority's signature is what
 * makes the machines of a deployment trust each other and these people, and nobody else. This room
 * reads no clock and asks nobody: times, names and folders are given. A pair is two files:
 * FOLDER/authority.pem and .key for the authority, FOLDER/MACHINE.pem and .key for a machine,
 * FOLDER/administrator-NAME.pem and .key for a person. Whoever calls wants to know why it failed:
 * `e` is never NULL here. */
#ifndef POLLUX_PKI_PKI_H
#define POLLUX_PKI_PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "base/error.h"
#include "base/faults.h"
#include "base/fqdn.h"
#include "base/person.h"

enum {
    PKI_NAMES_MAX = 16,                /* looked at in a certificate; ours carry one or two */
    PKI_AUTHORITY_NAME_MAX = 64,       /* characters; the standard's limit for a common name */
    PKI_AUTHORITY_DAYS = 3650,         /* replacing it touches every machine */
    PKI_DAYS = 397,                    /* a year and a month in which to notice */
    PKI_BACKDATE_SECONDS = 300,        /* the clock of whoever reads it may be that far behind */
    PKI_FINGERPRINT_SIZE = 32 * 3,     /* "AB:CD:…" of a SHA-256 and a NUL */
    PKI_DISTINGUISHED_NAME_SIZE = 256, /* of what is shown; a longer one is cut */
};

struct pki_validity {
    time_t not_before;
    time_t not_after;
};

/* Makes the authority. An existing one is never overwritten (FAIL_REFUSED). */
enum failure pki_init(const char *folder, const char *name, struct pki_validity valid,
                      struct error *e);

/* Key and certificate of one machine, into `folder`. Existing ones are not overwritten
 * (FAIL_REFUSED). The end is brought forward to the authority's own. */
enum failure pki_issue(const char *authority_folder, const char *folder, const char *machine,
                       const char *pool, struct pki_validity valid, struct error *e);

/* The same for a person, by the name of their account. It makes no machine: no other one would call
 * it, or listen to it as one. */
enum failure pki_administrator(const char *authority_folder, const char *folder, const char *name,
                               struct pki_validity valid, struct error *e);

/* Whose pair it is, and what its files are called: a machine in any case, or this and a person's
 * name. */
#define PKI_ADMINISTRATOR_START "administrator-"

/* A new key and certificate for the names that the owner's present one carries.
 *
 * Both files are on the disk before either is renamed; the key first, the certificate last. So
 * whoever finds the new certificate finds its key, and one who reads in the instant between the two
 * finds a pair that does not match and reads again. If the power goes in that instant, pki_check()
 * says so, and renewing again mends it. A pair that did match is first copied to OWNER.pem.old
 * and .key.old; `*kept` tells. */
enum failure pki_renew(const char *authority_folder, const char *folder, const char *owner,
                       struct pki_validity valid, bool *kept, struct error *e);

/* Where they are. Owned by the caller. */
char *pki_authority_file(const char *folder);
char *pki_file(const char *folder, const char *owner);

/* What a certificate says. The names are lower case; one that is none of our FQDNs is there as it
 * is written, with "?" for what can't be printed. */
struct pki_certificate {
    char names[PKI_NAMES_MAX][FQDN_SIZE];
    size_t name_count;
    char administrator[PERSON_NAME_SIZE]; /* of one that names a person, and no machine; or "" */
    char subject[PKI_DISTINGUISHED_NAME_SIZE];
    char issuer[PKI_DISTINGUISHED_NAME_SIZE];
    bool authority; /* may issue certificates */
    time_t not_before;
    time_t not_after;
    char fingerprint[PKI_FINGERPRINT_SIZE]; /* SHA-256 */
};

/* The first certificate of a PEM file. */
enum failure pki_read_certificate(const char *file, struct pki_certificate *out, struct error *e);
enum failure pki_certificate_expiry(const char *file, time_t *not_after, struct error *e);

/* Would the other machines accept this pair at the time `now`? All that is wrong, at once; nothing
 * added means yes. Certificates behind the first one of the file may lead to the authority. */
void pki_check(const char *certificate_file, const char *key_file, const char *authority_file,
               time_t now, struct faults *faults);

enum { PKI_TIME_TEXT_SIZE = 40 };
/* "2026-11-21 02:11:47 UTC"; returns `text`. */
const char *pki_time_text(time_t t, char text[PKI_TIME_TEXT_SIZE]);

#endif
