// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Addresses and their text. */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "internal.h"

#define RESOLVE_FLAGS	(XRPC_RESOLVE_PASSIVE | XRPC_RESOLVE_IPV4 | \
			 XRPC_RESOLVE_IPV6 | XRPC_RESOLVE_NUMERIC)

/* strtoul() takes signs, blanks and nothing at all: those are no numbers. */
static int parse_number(const char *text, size_t len, bool hex_too,
			unsigned long max, unsigned long *value)
{
	int base = 10;
	char copy[16];
	char *end;

	if (!len || len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';

	if (hex_too && copy[0] == '0' && (copy[1] == 'x' || copy[1] == 'X')) {
		base = 16;
		if (!isxdigit((unsigned char)copy[2]))
			return -EINVAL;
	} else if (!isdigit((unsigned char)copy[0])) {
		return -EINVAL;
	}

	errno = 0;
	*value = strtoul(copy, &end, base);
	if (errno || *end || *value > max)
		return -EINVAL;
	return 0;
}

static int copy_host(struct xrpc_addr_text *parts, const char *host, size_t len)
{
	if (len >= sizeof(parts->host))
		return -EINVAL;
	memcpy(parts->host, host, len);
	parts->host[len] = '\0';
	return 0;
}

/* Finds the port, and copies what stands before it. */
static int split_host(const char *text, const char *end, const char **port,
		      struct xrpc_addr_text *parts)
{
	const char *colon;

	if (*text == '[') {
		colon = memchr(text, ']', end - text);
		if (!colon || colon == text + 1 || colon + 1 == end || colon[1] != ':')
			return -EINVAL;
		*port = colon + 2;
		/* Brackets are for what has colons itself. */
		if (!memchr(text, ':', colon - text))
			return -EINVAL;
		return copy_host(parts, text + 1, colon - text - 1);
	}

	colon = memchr(text, ':', end - text);
	if (!colon) {
		*port = text;
		return copy_host(parts, "", 0);
	}
	*port = colon + 1;
	/* A bare IPv6 address leaves open where its port begins. */
	if (memchr(*port, ':', end - *port))
		return -EINVAL;
	return copy_host(parts, text, colon - text);
}

/**
 * xrpc_addr_split() - take the text of an address apart
 * @text: the text
 * @parts: filled
 *
 * Return: 0 or -EINVAL.
 */
int xrpc_addr_split(const char *text, struct xrpc_addr_text *parts)
{
	const char *end = text + strlen(text);
	const char *slash = strchr(text, '/');
	unsigned long value;
	const char *port;
	int err;

	parts->service = 0;
	if (slash) {
		err = parse_number(slash + 1, end - slash - 1, true, UINT32_MAX, &value);
		if (err)
			return err;
		parts->service = value;
		end = slash;
	}

	err = split_host(text, end, &port, parts);
	if (err)
		return err;
	err = parse_number(port, end - port, false, UINT16_MAX, &value);
	if (err)
		return err;
	parts->port = value;
	return 0;
}

static int eai_to_errno(int eai)
{
	switch (eai) {
	case EAI_NONAME:
#ifdef EAI_NODATA
	case EAI_NODATA:
#endif
#ifdef EAI_ADDRFAMILY
	case EAI_ADDRFAMILY:
#endif
		return -ENOENT;
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return errno ? -errno : -EIO;
	default:
		return -EIO;
	}
}

static void map_ipv4(struct in6_addr *to, struct in_addr from)
{
	memset(to, 0, sizeof(*to));
	to->s6_addr[10] = 0xff;
	to->s6_addr[11] = 0xff;
	memcpy(&to->s6_addr[12], &from, sizeof(from));
}

static bool from_sockaddr(const struct sockaddr *sa, struct sockaddr_xrpc *addr)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	switch (sa->sa_family) {
	case AF_INET:
		map_ipv4(&addr->sxr_addr, in->sin_addr);
		return true;
	case AF_INET6:
		addr->sxr_addr = in6->sin6_addr;
		addr->sxr_scope_id = in6->sin6_scope_id;
		return true;
	default:
		return false;
	}
}

static void addr_init(struct sockaddr_xrpc *addr,
		      const struct xrpc_addr_text *parts)
{
	memset(addr, 0, sizeof(*addr));
	addr->sxr_family = AF_XRPC;
	addr->sxr_port = htons(parts->port);
	addr->sxr_service = parts->service;
}

/* "::" first: it takes IPv4 too, but a kernel without IPv6 refuses it. */
static int resolve_any(const struct xrpc_addr_text *parts, unsigned int flags,
		       struct sockaddr_xrpc *addrs, size_t max)
{
	struct in_addr any = { .s_addr = htonl(INADDR_ANY) };
	size_t n = 0;

	if (!(flags & XRPC_RESOLVE_IPV4))
		addr_init(&addrs[n++], parts);
	if (!(flags & XRPC_RESOLVE_IPV6) && n < max) {
		addr_init(&addrs[n], parts);
		map_ipv4(&addrs[n++].sxr_addr, any);
	}
	return n;
}

static int resolve_host(const struct xrpc_addr_text *parts, unsigned int flags,
			struct sockaddr_xrpc *addrs, size_t max)
{
	struct addrinfo hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_DGRAM,
		.ai_flags = AI_NUMERICSERV,
	};
	struct addrinfo *list;
	struct addrinfo *ai;
	size_t n = 0;
	int eai;

	if (flags & XRPC_RESOLVE_IPV4)
		hints.ai_family = AF_INET;
	else if (flags & XRPC_RESOLVE_IPV6)
		hints.ai_family = AF_INET6;
	if (flags & XRPC_RESOLVE_NUMERIC)
		hints.ai_flags |= AI_NUMERICHOST;

	errno = 0;
	eai = getaddrinfo(parts->host[0] ? parts->host : NULL, "0", &hints, &list);
	if (eai)
		return eai_to_errno(eai);

	for (ai = list; ai && n < max; ai = ai->ai_next) {
		addr_init(&addrs[n], parts);
		if (from_sockaddr(ai->ai_addr, &addrs[n]))
			n++;
	}
	freeaddrinfo(list);
	return n ? (int)n : -ENOENT;
}

__export int xrpc_resolve(const char *text, unsigned int flags,
			  struct sockaddr_xrpc *addrs, size_t max)
{
	unsigned int families = flags & (XRPC_RESOLVE_IPV4 | XRPC_RESOLVE_IPV6);
	struct xrpc_addr_text parts;
	int n;

	if (!max || max > INT32_MAX || flags & ~RESOLVE_FLAGS ||
	    families == (XRPC_RESOLVE_IPV4 | XRPC_RESOLVE_IPV6) ||
	    xrpc_addr_split(text, &parts)) {
		errno = EINVAL;
		return -1;
	}

	if (!parts.host[0] && flags & XRPC_RESOLVE_PASSIVE)
		n = resolve_any(&parts, flags, addrs, max);
	else
		n = resolve_host(&parts, flags, addrs, max);
	if (n < 0) {
		errno = -n;
		return -1;
	}
	return n;
}

/* The host as it stands before the port, in brackets where it has colons. */
static void format_host(const struct sockaddr_xrpc *addr, char *host, size_t len)
{
	char ip[INET6_ADDRSTRLEN];
	char name[IF_NAMESIZE];

	if (IN6_IS_ADDR_V4MAPPED(&addr->sxr_addr)) {
		inet_ntop(AF_INET, &addr->sxr_addr.s6_addr[12], host, len);
		return;
	}

	inet_ntop(AF_INET6, &addr->sxr_addr, ip, sizeof(ip));
	if (!addr->sxr_scope_id)
		snprintf(host, len, "[%s]", ip);
	else if (if_indextoname(addr->sxr_scope_id, name))
		snprintf(host, len, "[%s%%%s]", ip, name);
	else
		snprintf(host, len, "[%s%%%u]", ip, addr->sxr_scope_id);
}

__export char *xrpc_format(const struct sockaddr_xrpc *addr, char *buf,
			   size_t len)
{
	char service[16] = "";
	char host[80];
	int n;

	if (addr->sxr_family != AF_XRPC) {
		errno = EAFNOSUPPORT;
		return NULL;
	}

	format_host(addr, host, sizeof(host));
	if (addr->sxr_service)
		snprintf(service, sizeof(service), "/%u", addr->sxr_service);
	n = snprintf(buf, len, "%s:%u%s", host, ntohs(addr->sxr_port), service);
	if (n < 0 || (size_t)n >= len) {
		errno = ENOSPC;
		return NULL;
	}
	return buf;
}
