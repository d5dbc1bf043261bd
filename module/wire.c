// SPDX-License-Identifier: GPL-2.0-only
/* The parser and builder of packets.  See wire.h. */
#include "wire.h"

/* The shortest legal frame of each type, and whether it may be longer. */
struct frame_rule {
	__u16	min;
	__u16	step;		/* 0: exactly min; else min plus a multiple */
	__u16	max;
	__u8	flags;		/* flags that may be set */
	__u8	known;
	__u8	zero;		/* offset of reserved bytes, every @step */
	__u8	zeros;		/* how many */
};

static const struct frame_rule rules[] = {
	[XRPC_FT_PAD]	= { 4, 1, 65535, 0, 1 },
	[XRPC_FT_DATA]	= { sizeof(struct xrpc_data), 1, 65535,
			    XRPC_DF_KNOWN, 1 },
	[XRPC_FT_ACK]	= { 12, 8, 4 + 8 * XRPC_ACK_RANGES_MAX, 0, 1 },
	[XRPC_FT_DONE]	= { 12, 8, 4 + 8 * XRPC_DONE_MAX, 0, 1,
			    sizeof(struct xrpc_fhdr) +
			    offsetof(struct xrpc_done, reserved), 2 },
	[XRPC_FT_OPEN]	= { sizeof(struct xrpc_open), 0, 0,
			    XRPC_OF_NO_TOKEN, 1 },
	[XRPC_FT_ACCEPT] = { sizeof(struct xrpc_accept), 0, 0, 0, 1,
			     offsetof(struct xrpc_accept, reserved), 2 },
	[XRPC_FT_TOKEN_REQ] = { sizeof(struct xrpc_token_req), 0, 0, 0, 1,
				offsetof(struct xrpc_token_req, reserved), 4 },
	[XRPC_FT_TOKEN]	= { sizeof(struct xrpc_token_frame), 0, 0,
			    XRPC_TF_RETRY | XRPC_TF_ALIVE, 1,
			    offsetof(struct xrpc_token_frame, reserved), 4 },
	[XRPC_FT_NOSESSION] = { sizeof(struct xrpc_nosession), 0, 0, 0, 1 },
	[XRPC_FT_STATUS] = { sizeof(struct xrpc_status), 0, 0, 0, 1,
			     offsetof(struct xrpc_status, reserved), 1 },
	[XRPC_FT_PROBE]	= { sizeof(struct xrpc_callref), 0, 0, 0, 1,
			    offsetof(struct xrpc_callref, reserved), 2 },
	[XRPC_FT_CANCEL] = { sizeof(struct xrpc_callref), 0, 0, 0, 1,
			     offsetof(struct xrpc_callref, reserved), 2 },
	[XRPC_FT_CLOSE]	= { sizeof(struct xrpc_close), 0, 0, 0, 1 },
	[XRPC_FT_CREDIT] = { sizeof(struct xrpc_credit), 0, 0, 0, 1,
			     offsetof(struct xrpc_credit, reserved), 4 },
};

/* Whether the reserved bytes of a frame, as long as it may be, are zero. */
static bool reserved_zero(const struct frame_rule *r, const __u8 *frame,
			  __u32 len)
{
	__u32 at, i;

	for (at = r->zero; r->zeros && at < len; at += r->step ? : len) {
		for (i = 0; i < r->zeros; i++) {
			if (frame[at + i])
				return false;
		}
	}
	return true;
}

/**
 * xrpc_wire_header() - judge a packet's header
 * @pkt: the packet, at least 4-byte aligned
 * @len: its length in bytes
 *
 * Return: 0; -EINVAL too short or a reserved bit set; -EPROTONOSUPPORT another
 * version or form.
 */
int xrpc_wire_header(const void *pkt, __u32 len)
{
	const struct xrpc_hdr *h = pkt;

	if (len < sizeof(*h) + sizeof(struct xrpc_fhdr))
		return -EINVAL;
	if (h->vfk != XRPC_WIRE_VERSION) {
		if ((h->vfk & XRPC_WIRE_VERSION_MASK) != XRPC_WIRE_VERSION ||
		    h->vfk & (XRPC_WIRE_FORM_GROUP | XRPC_WIRE_KEY_PHASE))
			return -EPROTONOSUPPORT;
		return -EINVAL;
	}
	if (h->flags & ~XRPC_HF_KNOWN || h->reserved)
		return -EINVAL;
	return 0;
}

/**
 * xrpc_wire_next() - step to the next frame
 * @c: cursor
 *
 * Frames that may be skipped are.  The frame's length, flags and type are
 * judged here, so that its fixed part may be read through a pointer, and its
 * reserved bytes.
 *
 * Return: 1 at a frame, 0 at the end, -EINVAL where the packet is malformed.
 */
int xrpc_wire_next(struct xrpc_cursor *c)
{
	while (c->left) {
		const struct xrpc_fhdr *h = (const void *)c->p;
		const struct frame_rule *r;
		__u32 len, step;

		if (c->left < sizeof(*h))
			return -EINVAL;
		len = be16_to_cpu(h->len);
		if (len < sizeof(*h) || len > c->left)
			return -EINVAL;
		step = (len + 3) & ~3U;
		if (step > c->left)
			step = c->left;

		c->frame = c->p;
		c->len = len;
		c->type = h->type;
		c->flags = h->flags;
		c->p += step;
		c->left -= step;

		if (c->type >= XRPC_FT_SKIPPABLE)
			continue;
		if (c->type >= sizeof(rules) / sizeof(rules[0]))
			return -EINVAL;
		r = &rules[c->type];
		if (!r->known || c->flags & ~r->flags || len < r->min)
			return -EINVAL;
		if (r->step ? (len > r->max || (len - r->min) % r->step) :
			      len != r->min)
			return -EINVAL;
		if (!reserved_zero(r, c->frame, len))
			return -EINVAL;
		return 1;
	}
	return 0;
}

/**
 * xrpc_wire_first() - begin at a packet's first frame
 * @c: cursor to set
 * @pkt: packet whose header was judged
 * @len: its length
 *
 * Return: as xrpc_wire_next().
 */
int xrpc_wire_first(struct xrpc_cursor *c, const void *pkt, __u32 len)
{
	c->p = (const __u8 *)pkt + sizeof(struct xrpc_hdr);
	c->left = len - sizeof(struct xrpc_hdr);
	return xrpc_wire_next(c);
}

/* As xrpc_wire_data(), of a frame of @len bytes. */
static __always_inline int read_data(const struct xrpc_data *d, __u32 len,
				     struct xrpc_seg *seg, __u32 msg_max)
{
	const __u8 *p = (const __u8 *)(d + 1);
	const __u8 flags = d->h.flags;
	__u32 left = len - sizeof(*d);

	seg->chan = be16_to_cpu(d->chan);
	seg->msg = be16_to_cpu(d->msg);
	seg->seq = be32_to_cpu(d->seq);
	seg->off = be32_to_cpu(d->off);
	seg->flags = flags;
	seg->method = 0;
	seg->deadline = XRPC_NO_DEADLINE;

	if (flags & XRPC_DF_METHOD) {
		const struct xrpc_data_method *m = (const void *)p;

		if (left < sizeof(*m))
			return -EINVAL;
		seg->method = be32_to_cpu(m->method);
		seg->deadline = be32_to_cpu(m->deadline);
		p += sizeof(*m);
		left -= sizeof(*m);
	}
	if (flags & XRPC_DF_TOTAL) {
		__u64 total;

		if (left < 8)
			return -EINVAL;
		total = xrpc_get64((const __be32 *)p);
		p += 8;
		left -= 8;
		if (total > msg_max)
			return -EINVAL;
		seg->total = total;
	} else {
		seg->total = left;
	}
	seg->len = left;
	seg->data = p;

	/* streams of messages come later: a half is one message yet */
	if (seg->msg || !seg->seq)
		return -EINVAL;
	/* the whole message is in this packet */
	if (!(flags & XRPC_DF_TOTAL))
		return seg->off || !(flags & XRPC_DF_EOM) ||
		       !(flags & XRPC_DF_EOH) || left > msg_max ? -EINVAL : 0;
	if (seg->off > seg->total || left > seg->total - seg->off)
		return -EINVAL;
	/* only an empty message has an empty segment */
	if (seg->off && !left)
		return -EINVAL;
	if (!!(flags & XRPC_DF_EOM) != (seg->off + left == seg->total))
		return -EINVAL;
	if (!!(flags & XRPC_DF_EOM) != !!(flags & XRPC_DF_EOH))
		return -EINVAL;
	if (!(flags & XRPC_DF_EOM) && left < XRPC_SEG_MIN)
		return -EINVAL;
	return 0;
}

/**
 * xrpc_wire_data() - read a DATA frame
 * @c: cursor at the frame
 * @seg: receives it
 * @msg_max: the longest message taken, in bytes
 *
 * Return: 0, or -EINVAL where its parts contradict each other.
 */
int xrpc_wire_data(const struct xrpc_cursor *c, struct xrpc_seg *seg,
		   __u32 msg_max)
{
	return read_data((const void *)c->frame, c->len, seg, msg_max);
}

/**
 * xrpc_wire_single() - read a packet of the steady state: one DATA frame
 * @pkt: packet, at least 4-byte aligned
 * @len: its length in bytes
 * @msg_max: the longest message taken
 * @seg: receives the frame
 *
 * Return: whether it is such a packet, and well-formed; if not it is to be
 * judged by xrpc_wire_check().
 */
bool xrpc_wire_single(const void *pkt, __u32 len, __u32 msg_max,
		      struct xrpc_seg *seg)
{
	const struct xrpc_fhdr *f = pkt + sizeof(struct xrpc_hdr);

	if (xrpc_wire_header(pkt, len) ||
	    ((const struct xrpc_hdr *)pkt)->flags & XRPC_HF_OPENING ||
	    f->type != XRPC_FT_DATA || f->flags & ~XRPC_DF_KNOWN)
		return false;
	len -= sizeof(struct xrpc_hdr);
	if (be16_to_cpu(f->len) != len || len < sizeof(struct xrpc_data))
		return false;
	return !read_data((const void *)f, len, seg, msg_max);
}

/* Whether a frame belongs to no session of its sender. */
static bool stray(__u8 type)
{
	return type == XRPC_FT_TOKEN_REQ || type == XRPC_FT_TOKEN ||
	       type == XRPC_FT_NOSESSION;
}

/**
 * xrpc_wire_check() - judge a whole packet
 * @pkt: packet, at least 4-byte aligned
 * @len: its length in bytes
 * @msg_max: the longest message taken
 *
 * A packet is judged whole before any of it has an effect.
 *
 * Return: 0 or a negative errno.
 */
int xrpc_wire_check(const void *pkt, __u32 len, __u32 msg_max)
{
	const struct xrpc_hdr *h = pkt;
	struct xrpc_cursor c;
	struct xrpc_seg seg;
	bool first = true, alone = false;
	int err;

	err = xrpc_wire_header(pkt, len);
	if (err)
		return err;
	for (err = xrpc_wire_first(&c, pkt, len); err > 0;
	     err = xrpc_wire_next(&c)) {
		/* an opening packet begins with OPEN, and no other has it */
		if ((c.type == XRPC_FT_OPEN) !=
		    (first && h->flags & XRPC_HF_OPENING))
			return -EINVAL;
		/* it is read there: nothing skipped stands before it */
		if (c.type == XRPC_FT_OPEN && c.frame != (const __u8 *)(h + 1))
			return -EINVAL;
		/* what belongs to no session stands alone */
		if (alone ? c.type != XRPC_FT_PAD : stray(c.type) && !first)
			return -EINVAL;
		alone = alone || stray(c.type);
		first = false;
		if (c.type == XRPC_FT_DATA && xrpc_wire_data(&c, &seg, msg_max))
			return -EINVAL;
	}
	if (!err && first)
		return -EINVAL;
	return err;
}
