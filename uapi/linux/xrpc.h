/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * AF_XRPC: reliable remote procedure calls as a socket family.
 *
 * A call is a request message and its reply.  A send to a service starts a
 * call; a send to the address a request came from answers it.
 */
#ifndef _UAPI_LINUX_XRPC_H
#define _UAPI_LINUX_XRPC_H

#include <linux/types.h>
#include <linux/socket.h>
#include <linux/in6.h>
#include <linux/ioctl.h>

/* The number of the family: named AF_ASH by the kernel, which never used it. */
#ifndef AF_XRPC
#define AF_XRPC		18
#define PF_XRPC		AF_XRPC
#endif

/* The level of this family's socket options and control messages. */
#define SOL_XRPC	300

/* The largest message, in bytes, that one send may hand over. */
#define XRPC_MSG_MAX	65536

/**
 * struct sockaddr_xrpc - an address, or a call at an address
 * @sxr_family: AF_XRPC
 * @sxr_port: UDP port of the endpoint, network byte order
 * @sxr_service: service at the endpoint, host byte order; 0 is the default one
 * @sxr_addr: IPv6 address, or an IPv4 address as ::ffff:a.b.c.d
 * @sxr_scope_id: interface of a link-local address, else 0
 * @sxr_reserved: must be zero
 * @sxr_call: 0, or the handle of a received request: sending to it answers it
 *
 * The port stands where struct sockaddr_in has it.
 */
struct sockaddr_xrpc {
	__kernel_sa_family_t	sxr_family;
	__be16			sxr_port;
	__u32			sxr_service;
	struct in6_addr		sxr_addr;
	__u32			sxr_scope_id;
	__u32			sxr_reserved;
	__u64			sxr_call __attribute__((aligned(8)));
};

/*
 * How a call ended.  One of these three is told of every call, and is true.
 */
enum xrpc_outcome {
	XRPC_REPLIED		= 0,	/* the reply is here */
	XRPC_NOT_EXECUTED	= 1,	/* never ran, and never will */
	XRPC_UNKNOWN		= 2,	/* may have run */
};

/*
 * Control messages, level SOL_XRPC.  "S" may be given to sendmsg, "R" is given
 * by recvmsg; those marked (i) only while XRPC_RECVINFO is set.
 */
enum xrpc_cmsg {
	XRPC_COOKIE	= 1,	/* S R(i) __u64: the client's name for its call */
	XRPC_METHOD	= 2,	/* S R(i) __u32: what is called */
	XRPC_DEADLINE	= 3,	/* S R(i) __u64: microseconds left for the call */
	XRPC_STATUS	= 4,	/* S R(i) __u32: with an answer, the service's own */
	XRPC_OUTCOME	= 5,	/*   R(i) struct xrpc_result: how a call ended */
	XRPC_REPLAYABLE	= 6,	/* S      no data: may run any number of times */
	XRPC_ONEWAY	= 7,	/* S R(i) no data: no answer is wanted */
	XRPC_CANCEL	= 8,	/* S      __u64: cookie of the call to give up */
	XRPC_CANCELED	= 9,	/*   R(i) no data: a request was given up */
};

/**
 * struct xrpc_result - how a call ended
 * @outcome: enum xrpc_outcome
 * @error: 0 when replied; else an errno that says why
 */
struct xrpc_result {
	__u32	outcome;
	__u32	error;
};

/* Socket options, level SOL_XRPC. */
enum xrpc_sockopt {
	XRPC_RECVINFO		= 1,	/* int: control messages at receive */
	XRPC_REUSEPORT		= 2,	/* int: share the service, before bind */
	XRPC_ACCEPT_REPLAYABLE	= 3,	/* int: run replayable calls unproven */
	XRPC_DEFAULT_DEADLINE	= 4,	/* __u64: microseconds, of new calls */
};

/* The longest deadline: it travels as 32 bits of microseconds, 71 minutes. */
#define XRPC_DEADLINE_MAX	0xfffffffeULL

/*
 * One call in one system call: send a request, wait for its reply.
 */
#define XRPC_CALL_REPLAYABLE	0x1	/* in: as the control message */
#define XRPC_CALL_TRUNC		0x2	/* out: the reply was longer than the room */

/**
 * struct xrpc_call_args - argument of XRPC_IOC_CALL
 * @req: in: address of the request
 * @reply: in: address of the room for the reply
 * @addr: in: address of a struct sockaddr_xrpc, or 0: the connected peer
 * @deadline: in: microseconds for the call, 0: the socket's default
 * @req_len: in: bytes of the request
 * @reply_len: in: bytes of room; out: bytes of the reply as it was sent
 * @addr_len: in: bytes at @addr
 * @method: in: what is called
 * @flags: in, out: XRPC_CALL_*
 * @status: out: the service's status
 * @outcome: out: enum xrpc_outcome, also where the ioctl fails
 * @error: out: as the ioctl's errno, 0 when replied
 * @reserved: must be zero
 */
struct xrpc_call_args {
	__u64	req __attribute__((aligned(8)));
	__u64	reply __attribute__((aligned(8)));
	__u64	addr __attribute__((aligned(8)));
	__u64	deadline __attribute__((aligned(8)));
	__u32	req_len;
	__u32	reply_len;
	__u32	addr_len;
	__u32	method;
	__u32	flags;
	__u32	status;
	__u32	outcome;
	__u32	error;
	__u64	reserved[2] __attribute__((aligned(8)));
};

/*
 * A server's loop in one system call: answer one request, wait for the next.
 */
#define XRPC_SERVE_DONTWAIT	0x1	/* in: no waiting for the next request */
#define XRPC_SERVE_ANSWERED	0x2	/* out: the answer was taken */
#define XRPC_SERVE_TRUNC	0x4	/* out: the request was longer than the room */
#define XRPC_SERVE_ONEWAY	0x8	/* out: it wants no answer; call is 0 */
#define XRPC_SERVE_CANCELED	0x10	/* out: no request: the one in call was given up */

/**
 * struct xrpc_serve_args - argument of XRPC_IOC_SERVE
 * @call: in: handle of the request to answer, 0: none;
 *        out: handle of the next request, 0: none came, or one-way
 * @reply: in: address of the answer
 * @req: in: address of the room for the next request
 * @addr: in: address of room for its struct sockaddr_xrpc, or 0
 * @deadline: out: microseconds the request has left, 0: the client told none
 * @reply_len: in: bytes of the answer
 * @status: in: the service's status, sent with the answer
 * @req_len: in: bytes of room; out: bytes of the request as it was sent
 * @method: out: what is called
 * @addr_len: in: bytes of room at @addr
 * @flags: in, out: XRPC_SERVE_*
 * @reserved: must be zero
 *
 * Notices of requests given up come only while XRPC_RECVINFO is set.
 *
 * Where the ioctl fails, XRPC_SERVE_ANSWERED in @flags still says whether the
 * answer was taken.
 */
struct xrpc_serve_args {
	__u64	call __attribute__((aligned(8)));
	__u64	reply __attribute__((aligned(8)));
	__u64	req __attribute__((aligned(8)));
	__u64	addr __attribute__((aligned(8)));
	__u64	deadline __attribute__((aligned(8)));
	__u32	reply_len;
	__u32	status;
	__u32	req_len;
	__u32	method;
	__u32	addr_len;
	__u32	flags;
	__u64	reserved[2] __attribute__((aligned(8)));
};

#define XRPC_IOC_CALL	_IOWR(0xC8, 0x01, struct xrpc_call_args)
#define XRPC_IOC_SERVE	_IOWR(0xC8, 0x02, struct xrpc_serve_args)

#endif /* _UAPI_LINUX_XRPC_H */
