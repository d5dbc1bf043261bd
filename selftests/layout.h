/* SPDX-License-Identifier: GPL-2.0 */
/* The interface has one layout, for programs of 32 bits and of 64. */
#ifndef XRPC_LAYOUT_H
#define XRPC_LAYOUT_H

#include <stddef.h>

#include <linux/xrpc.h>

/* No byte of these lies between their fields: none can be forgotten. */
#define XRPC_AT(type, field, off) \
	_Static_assert(offsetof(struct type, field) == (off), #field)
XRPC_AT(sockaddr_xrpc, sxr_port, 2);
XRPC_AT(sockaddr_xrpc, sxr_service, 4);
XRPC_AT(sockaddr_xrpc, sxr_addr, 8);
XRPC_AT(sockaddr_xrpc, sxr_scope_id, 24);
XRPC_AT(sockaddr_xrpc, sxr_reserved, 28);
XRPC_AT(sockaddr_xrpc, sxr_call, 32);
_Static_assert(sizeof(struct sockaddr_xrpc) == 40, "size");
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

#endif /* XRPC_LAYOUT_H */
