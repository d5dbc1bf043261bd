/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The wire format: only what stands in packets, and its parser.
 *
 * A packet is one UDP payload: a header and one or more frames.  All numbers
 * are big-endian.  The parser is pure: it reads bytes, takes no lock, knows no
 * socket buffer, and builds in user space too, for the fuzzers.
 */
#ifndef XRPC_WIRE_H
#define XRPC_WIRE_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <asm/byteorder.h>
#else
#include "wire_user.h"
#endif

/* Offset 0: version in the high four bits, then the form, key phase, and two
 * reserved bits.
 */
#define XRPC_WIRE_VERSION	0x10
#define XRPC_WIRE_VERSION_MASK	0xf0
#define XRPC_WIRE_FORM_GROUP	0x08
#define XRPC_WIRE_KEY_PHASE	0x04

/* Header flags. */
#define XRPC_HF_OPENING		0x01	/* first frame is OPEN, id is 0 */
#define XRPC_HF_ACK_NOW		0x02	/* acknowledge without delay */
#define XRPC_HF_KNOWN		0x03

/* Echo delay of a packet that carries no sample. */
#define XRPC_ECHO_NONE		0xffffffffU

struct xrpc_hdr {
	__u8	vfk;		/* version, form, key phase */
	__u8	flags;		/* XRPC_HF_* */
	__be16	reserved;	/* zero */
	__be32	pn;		/* packet number, low 32 bits */
	__be32	id[2];		/* receiver's connection id */
	__be32	echo;		/* largest packet number received, low 32 */
	__be32	echo_delay;	/* microseconds since it came */
};

/*
 * Frame types below 0x80 must be understood: a packet with an unknown one is
 * dropped whole.  Unknown types from 0x80 on are skipped.
 */
enum xrpc_frame_type {
	XRPC_FT_PAD		= 0x00,
	XRPC_FT_DATA		= 0x01,
	XRPC_FT_ACK		= 0x02,
	XRPC_FT_DONE		= 0x03,
	XRPC_FT_OPEN		= 0x04,
	XRPC_FT_ACCEPT		= 0x05,
	XRPC_FT_TOKEN_REQ	= 0x06,
	XRPC_FT_TOKEN		= 0x07,
	XRPC_FT_NOSESSION	= 0x08,
	XRPC_FT_STATUS		= 0x09,
	XRPC_FT_PROBE		= 0x0a,
	XRPC_FT_CANCEL		= 0x0b,
	XRPC_FT_CLOSE		= 0x0c,
	XRPC_FT_CREDIT		= 0x0d,
	XRPC_FT_SKIPPABLE	= 0x80,
};

/* Every frame begins so.  The next frame begins at the next multiple of 4. */
struct xrpc_fhdr {
	__u8	type;
	__u8	flags;
	__be16	len;		/* of the frame, this header included */
};

#define XRPC_DF_EOM	0x01	/* last byte of its message */
#define XRPC_DF_EOH	0x02	/* last message of this half of the call */
#define XRPC_DF_METHOD	0x04	/* struct xrpc_data_method follows */
#define XRPC_DF_TOTAL	0x08	/* total length follows (8 bytes) */
#define XRPC_DF_REPLAYABLE 0x10
#define XRPC_DF_ONEWAY	0x20
#define XRPC_DF_KNOWN	0x3f

struct xrpc_data {
	struct xrpc_fhdr h;
	__be16	chan;
	__be16	msg;		/* message of the half, from 0 */
	__be32	seq;
	__be32	off;		/* of the first byte in its message */
};

#define XRPC_NO_DEADLINE	0xffffffffU

struct xrpc_data_method {
	__be32	method;		/* status, in a reply */
	__be32	deadline;	/* remaining, microseconds; all ones: none */
};

/* ACK: ranges of packet numbers received, newest first. */
struct xrpc_ack_range {
	__be32	lo;		/* low 32 bits, both ends included */
	__be32	hi;
};

#define XRPC_ACK_RANGES_MAX	16

/* DONE: replies received, any number of channels. */
struct xrpc_done {
	__be16	chan;
	__be16	reserved;
	__be32	seq;
};

#define XRPC_DONE_MAX		64

#define XRPC_OF_NO_TOKEN	0x01	/* the token field is zero */

struct xrpc_token {
	__be32	w[4];		/* opaque to all but who minted it */
};

struct xrpc_open {
	struct xrpc_fhdr h;
	__be32	service;
	__be32	client_id[2];
	struct xrpc_token token;
	__be32	epoch[2];	/* under which the token was minted */
	__be32	credit;		/* bytes the client takes at once */
	__be32	ack_delay;	/* client's largest, microseconds */
};

struct xrpc_accept {
	struct xrpc_fhdr h;
	__be32	ack_delay;	/* server's largest, microseconds */
	__be32	server_id[2];
	__be32	epoch[2];
	__be32	credit;		/* bytes the server takes at once */
	__be32	msg_max;	/* longest message it takes */
	__be16	chans;		/* channels the client may use */
	__be16	reserved;
};

struct xrpc_token_req {
	struct xrpc_fhdr h;
	__be32	reserved;
	__be32	client_id[2];	/* where the answer is sent to */
	__be32	old_epoch[2];	/* reopening: what the client knew, else 0 */
	__be32	old_id[2];	/* reopening: the server's id, else 0 */
};

#define XRPC_TF_RETRY		0x01	/* the packet echoed was not taken */
#define XRPC_TF_ALIVE		0x02	/* the session named in it is alive */

struct xrpc_token_frame {
	struct xrpc_fhdr h;
	__be32	reserved;
	__be32	epoch[2];
	struct xrpc_token token;
	__be32	horizon[2];	/* microseconds, see protocol.rst */
};

struct xrpc_nosession {
	struct xrpc_fhdr h;
	__be32	pn;		/* of the refused packet */
	__be32	id[2];		/* the id it named */
};

/* STATUS: the server's word on one call that is no reply. */
enum xrpc_status_code {
	XRPC_ST_IN_PROGRESS	= 0x01,	/* whole request here, no answer yet */
	XRPC_ST_NOCALL		= 0x02,	/* probed for a request not here */
	/* not executed, and recorded so */
	XRPC_ST_BUSY		= 0x10,	/* no room in the queue */
	XRPC_ST_REFUSED		= 0x11,	/* no such service */
	XRPC_ST_DRAINING	= 0x12,	/* takes no new calls */
	XRPC_ST_EXPIRED		= 0x13,	/* deadline passed in the queue */
	XRPC_ST_CANCELED	= 0x14,	/* cancelled before delivery */
	/* unknown */
	XRPC_ST_ABORTED		= 0x20,	/* server gave it up after delivery */
	XRPC_ST_DROPPED		= 0x21,	/* executed, reply no longer kept */
	XRPC_ST_DETACHED	= 0x22,	/* cancelled after delivery */
};

struct xrpc_status {
	struct xrpc_fhdr h;
	__be16	chan;
	__u8	code;
	__u8	reserved;
	__be32	seq;
};

/* PROBE and CANCEL: a client's word on one call. */
struct xrpc_callref {
	struct xrpc_fhdr h;
	__be16	chan;
	__be16	reserved;
	__be32	seq;
};

struct xrpc_close {
	struct xrpc_fhdr h;
	__be32	reason;		/* 0: no longer needed */
};

struct xrpc_credit {
	struct xrpc_fhdr h;
	__be32	reserved;
	__be32	bytes[2];	/* total the sender may ever send */
};

#define XRPC_WIRE_HDR_LEN	24
#define XRPC_WIRE_DATA_LEN	16
/* The most a packet with data spends on anything else, opening included. */
#define XRPC_WIRE_OPEN_LEN	48
#define XRPC_WIRE_ACCEPT_LEN	36
#define XRPC_WIRE_OVERHEAD	(XRPC_WIRE_HDR_LEN + XRPC_WIRE_OPEN_LEN + \
				 XRPC_WIRE_DATA_LEN + 16)
/* Data frames but for a message's last are at least this long: a peer cannot
 * make a receiver keep track of crumbs.
 */
#define XRPC_SEG_MIN		256

/* 64-bit fields stand at multiples of 4 only. */
static inline __u64 xrpc_get64(const __be32 w[2])
{
	return (__u64)be32_to_cpu(w[0]) << 32 | be32_to_cpu(w[1]);
}

static inline void xrpc_put64(__be32 w[2], __u64 v)
{
	w[0] = cpu_to_be32(v >> 32);
	w[1] = cpu_to_be32(v & 0xffffffffU);
}

/* A DATA frame in host form. */
struct xrpc_seg {
	__u16	chan;
	__u16	msg;
	__u32	seq;
	__u32	off;
	__u32	len;		/* bytes of data */
	__u32	total;		/* length of the message */
	__u32	method;		/* or status */
	__u32	deadline;	/* microseconds, XRPC_NO_DEADLINE */
	__u8	flags;		/* XRPC_DF_* */
	const __u8 *data;
};

/**
 * xrpc_wire_pn() - the packet number whose low half this is
 * @expected: the number after the largest one received
 * @low: low 32 bits from the packet
 *
 * The candidate nearest to @expected (RFC 9000, A.3).
 */
static inline __u64 xrpc_wire_pn(__u64 expected, __u32 low)
{
	__u64 pn = (expected & ~0xffffffffULL) | low;

	/* differences, since sums wrap at the end of all numbers */
	if (pn < expected && expected - pn >= 0x80000000ULL &&
	    pn < ~0ULL - 0xffffffffULL)
		return pn + 0x100000000ULL;
	if (pn > expected && pn - expected > 0x80000000ULL &&
	    pn >= 0x100000000ULL)
		return pn - 0x100000000ULL;
	return pn;
}

/**
 * xrpc_wire_put_data() - write a DATA frame up to its data
 * @at: where, with room for 32 bytes
 * @seg: what; @seg->flags decides which optional words there are
 *
 * Return: the bytes written; @seg->len bytes of data belong behind them.
 */
static inline __u32 xrpc_wire_put_data(void *at, const struct xrpc_seg *seg)
{
	struct xrpc_data *d = at;
	__u32 len = sizeof(*d);

	if (seg->flags & XRPC_DF_METHOD) {
		struct xrpc_data_method *m = at + len;

		m->method = cpu_to_be32(seg->method);
		m->deadline = cpu_to_be32(seg->deadline);
		len += sizeof(*m);
	}
	if (seg->flags & XRPC_DF_TOTAL) {
		xrpc_put64(at + len, seg->total);
		len += 8;
	}
	d->h.type = XRPC_FT_DATA;
	d->h.flags = seg->flags;
	d->h.len = cpu_to_be16(len + seg->len);
	d->chan = cpu_to_be16(seg->chan);
	d->msg = cpu_to_be16(seg->msg);
	d->seq = cpu_to_be32(seg->seq);
	d->off = cpu_to_be32(seg->off);
	return len;
}

/* Where the parser stands in a packet. */
struct xrpc_cursor {
	const __u8 *p;		/* next frame */
	__u32	left;		/* bytes from there on */
	const __u8 *frame;	/* current frame */
	__u16	len;		/* its length */
	__u8	type;
	__u8	flags;
};

int xrpc_wire_header(const void *pkt, __u32 len);
int xrpc_wire_first(struct xrpc_cursor *c, const void *pkt, __u32 len);
int xrpc_wire_next(struct xrpc_cursor *c);
int xrpc_wire_data(const struct xrpc_cursor *c, struct xrpc_seg *seg,
		   __u32 msg_max);
bool xrpc_wire_single(const void *pkt, __u32 len, __u32 msg_max,
		      struct xrpc_seg *seg);
int xrpc_wire_check(const void *pkt, __u32 len, __u32 msg_max);

#endif /* XRPC_WIRE_H */
