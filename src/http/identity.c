#include "http/identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <gnutls/x509.h>

#include "base/memory.h"

struct identity {
    atomic_uint holders;
    struct buffer certificate, private_key, authority;
    gnutls_certificate_credentials_t credentials;
};

static enum failure read_whole(const char *path, const char *what, struct buffer *b,
                               struct error *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        fail(e, errno == ENOENT ? FAIL_NOT_FOUND : FAIL_IO, "The %s %s can't be opened: %s.", what,
             path, strerror(errno));
        return error_next(e, "Check that the file exists and that this account may read it.");
    }
    ssize_t n;
    do {
        buffer_reserve(b, 16384);
        n = read(fd, b->at + b->size, b->room - b->size);
        if (n > 0)
            b->size += (size_t)n;
    } while ((n > 0 && b->size <= IDENTITY_FILE_BYTES_MAX) || (n < 0 && errno == EINTR));
    int why = errno;
    close(fd);
    if (n < 0)
        return fail(e, FAIL_IO, "The %s %s can't be read: %s.", what, path, strerror(why));
    if (b->size > IDENTITY_FILE_BYTES_MAX)
        return fail(e, FAIL_INVALID, "The %s %s is longer than %d bytes.", what, path,
                    IDENTITY_FILE_BYTES_MAX);
    return OK;
}

static gnutls_datum_t datum_of(const struct buffer *b)
{
    return (gnutls_datum_t){.data = b->at, .size = (unsigned)b->size};
}

static enum failure use_key_pair(struct identity *i, const char *certificate_file,
                                 const char *private_key_file, struct error *e)
{
    gnutls_datum_t certificate = datum_of(&i->certificate), key = datum_of(&i->private_key);
    int rc = gnutls_certificate_set_x509_key_mem2(i->credentials, &certificate, &key,
                                                  GNUTLS_X509_FMT_PEM, NULL, 0);
    if (rc >= 0)
        return OK;
    if (rc == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
        fail(e, FAIL_INVALID, "The certificate %s and the private key %s don't belong together.",
             certificate_file, private_key_file);
    else
        fail(e, FAIL_INVALID, "The certificate %s with the private key %s can't be used: %s.",
             certificate_file, private_key_file, gnutls_strerror(rc));
    return error_next(e, "Both must be PEM, the key without a passphrase.");
}

static enum failure use_authority(struct identity *i, const char *authority_file, struct error *e)
{
    gnutls_datum_t authority = datum_of(&i->authority);
    int count =
        gnutls_certificate_set_x509_trust_mem(i->credentials, &authority, GNUTLS_X509_FMT_PEM);
    if (count > 0)
        return OK;
    fail(e, FAIL_INVALID, "There is no usable certificate in the authority file %s%s%s.",
         authority_file, count < 0 ? ": " : "", count < 0 ? gnutls_strerror(count) : "");
    return error_next(e, "It must hold the certificate of the issuing authority, as PEM.");
}

static enum failure load(struct identity *i, const char *certificate_file,
                         const char *private_key_file, const char *authority_file, struct error *e)
{
    enum failure f;
    if ((f = read_whole(certificate_file, "certificate", &i->certificate, e)) ||
        (f = read_whole(private_key_file, "private key", &i->private_key, e)) ||
        (f = read_whole(authority_file, "authority file", &i->authority, e)) ||
        (f = use_key_pair(i, certificate_file, private_key_file, e)))
        return f;
    return use_authority(i, authority_file, e);
}

struct identity *identity_load(const char *certificate_file, const char *private_key_file,
                               const char *authority_file, struct error *e)
{
    struct error unwanted;
    struct identity *i = xcalloc(1, sizeof *i);
    atomic_init(&i->holders, 1);
    int rc = gnutls_certificate_allocate_credentials(&i->credentials);
    if (rc < 0) {
        i->credentials = NULL;
        fail(e, FAIL_IO, "GnuTLS can't be used: %s.", gnutls_strerror(rc));
    } else if (load(i, certificate_file, private_key_file, authority_file, e ? e : &unwanted) ==
               OK) {
        return i;
    }
    identity_release(i);
    return NULL;
}

struct identity *identity_share(struct identity *i)
{
    atomic_fetch_add(&i->holders, 1);
    return i;
}

void identity_release(struct identity *i)
{
    if (!i || atomic_fetch_sub(&i->holders, 1) != 1)
        return;
    if (i->credentials)
        gnutls_certificate_free_credentials(i->credentials);
    if (i->private_key.size)
        explicit_bzero(i->private_key.at, i->private_key.size);
    buffer_free(&i->certificate);
    buffer_free(&i->private_key);
    buffer_free(&i->authority);
    free_memory(i);
}

struct bytes identity_certificate(const struct identity *i)
{
    return buffer_view(&i->certificate);
}

struct bytes identity_private_key(const struct identity *i)
{
    return buffer_view(&i->private_key);
}

struct bytes identity_authority(const struct identity *i)
{
    return buffer_view(&i->authority);
}

gnutls_certificate_credentials_t identity_credentials(const struct identity *i)
{
    return i->credentials;
}
