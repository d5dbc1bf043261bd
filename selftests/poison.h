/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory filled with a pattern, to see what is written.  Everything is asked
 * for twice, with different patterns.
 */
#ifndef XRPC_POISON_H
#define XRPC_POISON_H

#include <stddef.h>

#include "tap.h"

#define ADDR	sizeof(struct sockaddr_xrpc)

static const unsigned char patterns[] = { 0xa5, 0x5a };

/* Whether all of these bytes are still the pattern's. */
static inline bool untouched(const void *at, size_t len, unsigned char pattern)
{
	const unsigned char *p = at;
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == pattern)
			continue;
		printf("# byte %zu of %zu is %02x\n", i, len, p[i]);
		return false;
	}
	return true;
}

static inline bool same(const void *a, const void *b, size_t len)
{
	const unsigned char *p = a, *q = b;
	size_t i;

	for (i = 0; i < len; i++) {
		if (p[i] == q[i])
			continue;
		printf("# byte %zu of %zu is %02x, not %02x\n", i, len, p[i],
		       q[i]);
		return false;
	}
	return true;
}

static inline struct sockaddr_xrpc name_of(int fd)
{
	struct sockaddr_xrpc a = {};
	socklen_t len = sizeof(a);

	getsockname(fd, (void *)&a, &len);
	return a;
}

/* No byte of these lies between their fields: none can be forgotten. */
#define XRPC_AT(type, field, off) \
	_Static_assert(offsetof(struct type, field) == (off), #field)
XRPC_AT(sockaddr_xrpc, sxr_port, 2);
XRPC_AT(sockaddr_xrpc, sxr_service, 4);
XRPC_AT(sockaddr_xrpc, sxr_addr, 8);
XRPC_AT(sockaddr_xrpc, sxr_scope_id, 24);
XRPC_AT(sockaddr_xrpc, sxr_reserved, 28);
XRPC_AT(sockaddr_xrpc, sxr_call, 32);
_Static_assert(ADDR == 40, "size");
XRPC_AT(xrpc_result, error, 4);
_Static_assert(sizeof(struct xrpc_result) == 8, "size");
XRPC_AT(xrpc_call_args, reply, 8);
XRPC_AT(xrpc_call_args, addr, 16);
XRPC_AT(xrpc_call_args, deadline, 24);
XRPC_AT(xrpc_call_args, req_len, 32);
XRPC_AT(xrpc_call_args, reply_len, 36);
XRPC_AT(xrpc_call_args, addr_len, 40);
XRPC_AT(xrpc_call_args, method, 44);
XRPC_AT(xrpc_call_args, flags, 48);
XRPC_AT(xrpc_call_args, status, 52);
XRPC_AT(xrpc_call_args, outcome, 56);
XRPC_AT(xrpc_call_args, error, 60);
XRPC_AT(xrpc_call_args, reserved, 64);
_Static_assert(sizeof(struct xrpc_call_args) == 80, "size");
XRPC_AT(xrpc_serve_args, reply, 8);
XRPC_AT(xrpc_serve_args, req, 16);
XRPC_AT(xrpc_serve_args, addr, 24);
XRPC_AT(xrpc_serve_args, deadline, 32);
XRPC_AT(xrpc_serve_args, reply_len, 40);
XRPC_AT(xrpc_serve_args, status, 44);
XRPC_AT(xrpc_serve_args, req_len, 48);
XRPC_AT(xrpc_serve_args, method, 52);
XRPC_AT(xrpc_serve_args, addr_len, 56);
XRPC_AT(xrpc_serve_args, flags, 60);
XRPC_AT(xrpc_serve_args, reserved, 64);
_Static_assert(sizeof(struct xrpc_serve_args) == 80, "size");



#endif /* XRPC_POISON_H */
