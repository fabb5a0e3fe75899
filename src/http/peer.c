#include "http/peer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <gnutls/x509.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/person.h"

enum { NAME_TEXT_MAX = 256 }; /* a DNS name has at most 253 characters */

struct peer {
    atomic_uint holders;
    struct http_peer facts;
    time_t good_until; /* of a good certificate */
};

static struct peer *peer_new(void)
{
    struct peer *p = xcalloc(1, sizeof *p);
    atomic_init(&p->holders, 1);
    return p;
}

struct peer *peer_share(struct peer *p)
{
    atomic_fetch_add(&p->holders, 1);
    return p;
}

void peer_release(struct peer *p)
{
    if (!p || atomic_fetch_sub(&p->holders, 1) != 1)
        return;
    for (size_t i = 0; i < HTTP_NAMES_MAX; i++)
        free_memory(p->facts.names[i]);
    free_memory(p->facts.administrator);
    free_memory(p);
}

const struct http_peer *peer_facts(const struct peer *p)
{
    return &p->facts;
}

struct peer *peer_of_socket(int fd)
{
    struct peer *p = peer_new();
    struct ucred who = {.uid = (uid_t)-1, .gid = (gid_t)-1};
    socklen_t size = sizeof who;
    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size); /* on failure: nobody */
    p->facts.local = true;
    p->facts.uid = who.uid;
    p->facts.gid = who.gid;
    p->facts.pid = who.pid;
    snprintf(p->facts.address, sizeof p->facts.address, "local");
    return p;
}

static void write_address(const struct sockaddr *from, char *text, size_t size)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    if (from && from->sa_family == AF_INET) {
        struct sockaddr_in at;
        memcpy(&at, from, sizeof at);
        inet_ntop(AF_INET, &at.sin_addr, ip, sizeof ip);
        snprintf(text, size, "%s:%u", ip, ntohs(at.sin_port));
    } else if (from && from->sa_family == AF_INET6) {
        struct sockaddr_in6 at;
        memcpy(&at, from, sizeof at);
        inet_ntop(AF_INET6, &at.sin6_addr, ip, sizeof ip);
        snprintf(text, size, "[%s]:%u", ip, ntohs(at.sin6_port));
    } else {
        snprintf(text, size, "unknown");
    }
}

/* The next name of this kind in the certificate, from *index on. */
static bool next_name(gnutls_x509_crt_t certificate, gnutls_x509_subject_alt_name_t kind,
                      unsigned *index, char name[NAME_TEXT_MAX])
{
    for (;; (*index)++) {
        size_t size = NAME_TEXT_MAX - 1;
        int type = gnutls_x509_crt_get_subject_alt_name(certificate, *index, name, &size, NULL);
        if (type == GNUTLS_E_SHORT_MEMORY_BUFFER)
            continue; /* longer than any that we look for */
        if (type < 0)
            return false;
        name[size < NAME_TEXT_MAX ? size : NAME_TEXT_MAX - 1] = '\0';
        if (type != (int)kind || strlen(name) != size)
            continue; /* a NUL inside would make another name of it */
        (*index)++;
        return true;
    }
}

static void take_names(struct peer *p, gnutls_x509_crt_t certificate)
{
    char name[NAME_TEXT_MAX];
    unsigned index = 0;
    for (size_t i = 0;
         i + 1 < HTTP_NAMES_MAX && next_name(certificate, GNUTLS_SAN_DNSNAME, &index, name); i++) {
        for (char *c = name; *c; c++)
            *c = (char)tolower((unsigned char)*c);
        p->facts.names[i] = xstrdup(name);
    }
}

/* One name, and no other: who could be two, or a machine as well, is nobody. */
static void take_administrator(struct peer *p, gnutls_x509_crt_t certificate)
{
    char uri[NAME_TEXT_MAX], second[NAME_TEXT_MAX];
    unsigned index = 0;
    if (p->facts.names[0] || !next_name(certificate, GNUTLS_SAN_URI, &index, uri) ||
        next_name(certificate, GNUTLS_SAN_URI, &index, second))
        return;
    const char *name = person_of_uri(uri);
    if (name)
        p->facts.administrator = xstrdup(name);
}

/* Whom the certificate is for, whether it is believed or not. */
static void name_to_show(gnutls_x509_crt_t certificate, char name[NAME_TEXT_MAX])
{
    unsigned dns = 0, uri = 0;
    if (!next_name(certificate, GNUTLS_SAN_DNSNAME, &dns, name) &&
        !next_name(certificate, GNUTLS_SAN_URI, &uri, name))
        strcpy(name, "no name");
}

static void judge_expired(struct peer *p, const char *name, time_t from, time_t until)
{
    char when[CLOCK_TEXT_MAX];
    bool early = time(NULL) < from;
    p->facts.certificate = HTTP_CERTIFICATE_EXPIRED;
    snprintf(p->facts.explanation, sizeof p->facts.explanation,
             "The client's certificate for %.60s %s %s.", name,
             early ? "is not valid before" : "expired on",
             clock_wall_text((uint64_t)(early ? from : until) * 1000, when));
}

static void judge_foreign(struct peer *p, const char *name, gnutls_x509_crt_t certificate,
                          unsigned status)
{
    char issuer[NAME_TEXT_MAX] = "an unknown issuer";
    size_t size = sizeof issuer;
    gnutls_x509_crt_get_issuer_dn(certificate, issuer, &size);
    p->facts.certificate = HTTP_CERTIFICATE_FOREIGN;
    char *text = p->facts.explanation;
    size_t room = sizeof p->facts.explanation;
    if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
        snprintf(text, room,
                 "The client's certificate for %.60s was issued by %.60s, which is not the "
                 "authority that this server believes.",
                 name, issuer);
    else if (status & GNUTLS_CERT_PURPOSE_MISMATCH)
        snprintf(text, room, "The client's certificate for %.60s is not meant for clients.", name);
    else
        snprintf(text, room, "The client's certificate for %.60s can't be believed (flags 0x%x).",
                 name, status);
}

static void judge(struct peer *p, gnutls_x509_crt_t certificate, unsigned status)
{
    char name[NAME_TEXT_MAX];
    name_to_show(certificate, name);
    const unsigned dates = GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED;
    p->good_until = gnutls_x509_crt_get_expiration_time(certificate);
    if (status == 0) {
        p->facts.certificate = HTTP_CERTIFICATE_GOOD;
        p->facts.explanation[0] = '\0';
        take_names(p, certificate);
        take_administrator(p, certificate);
    } else if ((status & dates) && !(status & ~(dates | GNUTLS_CERT_INVALID))) {
        judge_expired(p, name, gnutls_x509_crt_get_activation_time(certificate), p->good_until);
    } else {
        judge_foreign(p, name, certificate, status);
    }
}

static unsigned verify(gnutls_session_t session)
{
    static char purpose[] = GNUTLS_KP_TLS_WWW_CLIENT;
    gnutls_typed_vdata_st asked = {.type = GNUTLS_DT_KEY_PURPOSE_OID,
                                   .data = (unsigned char *)purpose};
    unsigned status = 0;
    int rc = gnutls_certificate_verify_peers(session, &asked, 1, &status);
    return rc < 0 ? GNUTLS_CERT_INVALID : status;
}

struct peer *peer_of_session(gnutls_session_t session, const struct sockaddr *from)
{
    struct peer *p = peer_new();
    write_address(from, p->facts.address, sizeof p->facts.address);
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &count);
    if (!chain || count == 0) {
        p->facts.certificate = HTTP_CERTIFICATE_NONE;
        snprintf(p->facts.explanation, sizeof p->facts.explanation,
                 "The client showed no certificate.");
        return p;
    }
    p->facts.certificate = HTTP_CERTIFICATE_FOREIGN; /* until it is found to be better */
    snprintf(p->facts.explanation, sizeof p->facts.explanation,
             "The client's certificate can't be read.");
    gnutls_x509_crt_t certificate;
    if (gnutls_x509_crt_init(&certificate) != 0)
        return p;
    if (gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER) == 0)
        judge(p, certificate, verify(session));
    gnutls_x509_crt_deinit(certificate);
    return p;
}

struct peer *peer_now(struct peer *p)
{
    if (p->facts.certificate != HTTP_CERTIFICATE_GOOD || p->facts.local ||
        time(NULL) <= p->good_until)
        return p;
    const char *name = p->facts.names[0]        ? p->facts.names[0]
                       : p->facts.administrator ? p->facts.administrator
                                                : "no name";
    struct peer *later = peer_new();
    memcpy(later->facts.address, p->facts.address, sizeof later->facts.address);
    judge_expired(later, name, 0, p->good_until);
    peer_release(p);
    return later;
}
