/* How databases and addresses are spelled. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "topology/topology.h"

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool database_name_valid(const char *text, char name[DATABASE_NAME_SIZE])
{
    char server[FQDN_SIZE], lower[FQDN_SIZE];
    name[0] = '\0';
    size_t n = strcspn(text, "\\");
    if (!text[n] || n >= sizeof server)
        return false;
    memcpy(server, text, n);
    server[n] = '\0';
    const char *instance = text + n + 1;
    size_t size = strnlen(instance, DATABASE_INSTANCE_MAX + 1);
    if (!fqdn_valid(server, lower) || size > DATABASE_INSTANCE_MAX || !is_letter(instance[0]))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (!is_letter(instance[i]) && instance[i] != '_' &&
            !(instance[i] >= '0' && instance[i] <= '9'))
            return false;
    }
    int at = snprintf(name, DATABASE_NAME_SIZE, "%s\\", lower);
    for (size_t i = 0; i <= size; i++) {
        char c = instance[i];
        name[(size_t)at + i] = c >= 'a' && c <= 'z' ? (char)(c - ('a' - 'A')) : c;
    }
    return true;
}

bool address_valid(const char *text, char address[ADDRESS_SIZE])
{
    struct in_addr v4;
    struct in6_addr v6;
    address[0] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1)
        return inet_ntop(AF_INET, &v4, address, ADDRESS_SIZE);
    if (inet_pton(AF_INET6, text, &v6) == 1)
        return inet_ntop(AF_INET6, &v6, address, ADDRESS_SIZE);
    return false;
}
