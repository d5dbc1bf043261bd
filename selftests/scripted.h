/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A scripted peer: packets made by hand on a plain UDP socket, and what the
 * module answers, byte for byte.  The rules are those of protocol.rst.
 *
 * The peer plays one session at a time and knows what each packet of the other
 * side must look like: which number comes next, what was received, what is to
 * be echoed and acknowledged.
 */
#ifndef XRPC_SCRIPTED_H
#define XRPC_SCRIPTED_H

#include <poll.h>
#include <time.h>

#include "tap.h"
#include "wire.h"

#define SERVICE		3

struct pkt {
	unsigned char b[65536] __attribute__((aligned(8)));
	size_t len;
};

/* The packet being made, the last one received, and what that should be. */
static struct pkt out, in, want;

static int udp = -1, srv = -1;
static struct sockaddr_in to;		/* where tx() sends to */
static struct sockaddr_in got_from;	/* where the last packet came from */
static bool follow;			/* a server answers to there */

/* The session being played. */
static uint64_t our_id, peer_id, epoch;
static struct xrpc_token token;
static uint64_t next_pn;		/* of ours */
static uint32_t peer_pn;		/* the other side's next */
static uint64_t noted_max;		/* largest of ours that was taken */
static uint8_t noted[1 << 16];		/* those that were, by low bits */
static bool noted_any;
static uint64_t noted_at;		/* when the largest was sent, ns */

#define unused __attribute__((unused))

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static inline uint64_t now_ms(void)
{
	return now_ns() / 1000000;
}

/* Idle time is free in a guest that counts instructions. */
static inline void pass(int ms)
{
	poll(NULL, 0, ms);
}

/* ---- making packets -------------------------------------------------- */

/* A session of its own numbers begins, or the other side's does. */
static inline void fresh(uint64_t id)
{
	our_id = id;
	peer_id = 0;
	next_pn = 0;
	peer_pn = 0;
	noted_max = 0;
	noted_any = false;
	memset(noted, 0, sizeof(noted));
}

static inline struct xrpc_hdr *header(struct pkt *p, uint8_t flags, uint32_t pn,
				      uint64_t id)
{
	struct xrpc_hdr *h = (void *)p->b;

	memset(p->b, 0, sizeof(*h));
	h->vfk = XRPC_WIRE_VERSION;
	h->flags = flags;
	h->pn = htobe32(pn);
	xrpc_put64(h->id, id);
	h->echo_delay = htobe32(XRPC_ECHO_NONE);
	p->len = sizeof(*h);
	return h;
}

/* The next packet to send. */
static inline struct xrpc_hdr *begin(uint8_t flags, uint64_t id)
{
	return header(&out, flags, next_pn++, id);
}

static inline void *frame(struct pkt *p, uint8_t type, uint8_t flags, size_t len)
{
	size_t begin_at = (p->len + 3) & ~3UL;
	struct xrpc_fhdr *f = (void *)(p->b + begin_at);

	memset(p->b + p->len, 0, begin_at - p->len + len);
	f->type = type;
	f->flags = flags;
	f->len = htobe16(len);
	p->len = begin_at + len;
	return f;
}

static inline void put_pad(struct pkt *p, size_t len)
{
	frame(p, XRPC_FT_PAD, 0, len);
}

static inline struct xrpc_open *put_open(struct pkt *p,
					 const struct xrpc_token *t, uint64_t id)
{
	struct xrpc_open *o = frame(p, XRPC_FT_OPEN, 0, sizeof(*o));

	o->service = htobe32(SERVICE);
	xrpc_put64(o->client_id, id);
	o->token = *t;
	xrpc_put64(o->epoch, epoch);
	o->credit = htobe32(65536);
	o->ack_delay = htobe32(10000);
	return o;
}

static inline struct xrpc_accept *put_accept(struct pkt *p, uint64_t id,
					     uint64_t of_epoch, uint16_t chans)
{
	struct xrpc_accept *a = frame(p, XRPC_FT_ACCEPT, 0, sizeof(*a));

	a->ack_delay = htobe32(5000);
	xrpc_put64(a->server_id, id);
	xrpc_put64(a->epoch, of_epoch);
	a->credit = htobe32(65536);
	a->msg_max = htobe32(65536);
	a->chans = htobe16(chans);
	return a;
}

static inline struct xrpc_data *put_data_flags(struct pkt *p, uint8_t flags,
					       uint16_t chan, uint32_t seq,
					       const void *data, size_t len)
{
	struct xrpc_data *d = frame(p, XRPC_FT_DATA,
				    XRPC_DF_EOM | XRPC_DF_EOH | flags,
				    sizeof(*d) + len);

	d->chan = htobe16(chan);
	d->seq = htobe32(seq);
	memcpy(d + 1, data, len);
	return d;
}

/* A whole message. */
static inline struct xrpc_data *put_data(struct pkt *p, uint16_t chan,
					 uint32_t seq, const char *text)
{
	return put_data_flags(p, 0, chan, seq, text, strlen(text));
}

/* The same with method and remaining deadline, microseconds. */
static inline void put_method(struct pkt *p, uint16_t chan, uint32_t seq,
			      uint32_t method, uint32_t deadline,
			      const char *text)
{
	struct xrpc_data *d = frame(p, XRPC_FT_DATA, XRPC_DF_EOM | XRPC_DF_EOH |
				    XRPC_DF_METHOD,
				    sizeof(*d) + 8 + strlen(text));
	struct xrpc_data_method *m = (void *)(d + 1);

	d->chan = htobe16(chan);
	d->seq = htobe32(seq);
	m->method = htobe32(method);
	m->deadline = htobe32(deadline);
	memcpy(m + 1, text, strlen(text));
}

/* A segment of a longer message. */
static inline struct xrpc_data *put_part(struct pkt *p, uint16_t chan,
					 uint32_t seq, const char *msg,
					 size_t total, size_t off, size_t len)
{
	uint8_t flags = XRPC_DF_TOTAL;
	struct xrpc_data *d;

	if (off + len == total)
		flags |= XRPC_DF_EOM | XRPC_DF_EOH;
	d = frame(p, XRPC_FT_DATA, flags, sizeof(*d) + 8 + len);
	d->chan = htobe16(chan);
	d->seq = htobe32(seq);
	d->off = htobe32(off);
	xrpc_put64((__be32 *)(d + 1), total);
	memcpy((char *)(d + 1) + 8, msg + off, len);
	return d;
}

/* PROBE or CANCEL. */
static inline struct xrpc_callref *put_ref(struct pkt *p, uint8_t type,
					   uint16_t chan, uint32_t seq)
{
	struct xrpc_callref *r = frame(p, type, 0, sizeof(*r));

	r->chan = htobe16(chan);
	r->seq = htobe32(seq);
	return r;
}

static inline struct xrpc_done *put_done(struct pkt *p, uint16_t chan,
					 uint32_t seq)
{
	struct xrpc_fhdr *f = frame(p, XRPC_FT_DONE, 0, 12);
	struct xrpc_done *d = (void *)(f + 1);

	d->chan = htobe16(chan);
	d->seq = htobe32(seq);
	return d;
}

static inline void put_status(struct pkt *p, uint16_t chan, uint32_t seq,
			      uint8_t code)
{
	struct xrpc_status *s = frame(p, XRPC_FT_STATUS, 0, sizeof(*s));

	s->chan = htobe16(chan);
	s->code = code;
	s->seq = htobe32(seq);
}

static inline void put_range(struct pkt *p, uint32_t lo, uint32_t hi)
{
	struct xrpc_fhdr *f = frame(p, XRPC_FT_ACK, 0, 12);
	struct xrpc_ack_range *r = (void *)(f + 1);

	r->lo = htobe32(lo);
	r->hi = htobe32(hi);
}

static inline void put_close(struct pkt *p)
{
	frame(p, XRPC_FT_CLOSE, 0, sizeof(struct xrpc_close));
}

static inline void put_nosession(struct pkt *p, uint32_t pn, uint64_t id)
{
	struct xrpc_nosession *f = frame(p, XRPC_FT_NOSESSION, 0, sizeof(*f));

	f->pn = htobe32(pn);
	xrpc_put64(f->id, id);
}

static inline struct xrpc_token_req *put_token_req(struct pkt *p, uint64_t id,
						   uint64_t old_epoch,
						   uint64_t old_id)
{
	struct xrpc_token_req *r = frame(p, XRPC_FT_TOKEN_REQ, 0, sizeof(*r));

	xrpc_put64(r->client_id, id);
	xrpc_put64(r->old_epoch, old_epoch);
	xrpc_put64(r->old_id, old_id);
	return r;
}

/* ---- sending --------------------------------------------------------- */

static inline void tx_from(int fd)
{
	sendto(fd, out.b, out.len, 0, (void *)&to, sizeof(to));
}

/* A packet that the other side takes: it is noted there, and so it is here. */
static inline void tx(void)
{
	uint64_t pn = next_pn - 1;

	noted[pn & 0xffff] = 1;
	if (!noted_any || pn > noted_max) {
		noted_max = pn;
		noted_at = now_ns();
	}
	noted_any = true;
	tx_from(udp);
}

/* One that it does not take: its number is free again. */
static inline void tx_untaken(void)
{
	tx_from(udp);
	next_pn--;
}

/* ---- reading answers ------------------------------------------------- */

/* The first frame of a type in a packet. */
static inline const void *find_in(const struct pkt *p, uint8_t type)
{
	struct xrpc_cursor c;
	int more;

	if (!p->len)
		return NULL;
	for (more = xrpc_wire_first(&c, p->b, p->len); more > 0;
	     more = xrpc_wire_next(&c)) {
		if (c.type == type)
			return c.frame;
	}
	return NULL;
}

static inline const void *find(uint8_t type)
{
	return find_in(&in, type);
}

/* Find a frame; where there is none @ptr keeps what it points to. */
static const unsigned char none[256] unused;

#define want_frame(ptr, type) __extension__({				\
	const void *found = find(type);					\
									\
	(ptr) = found ? found : (const void *)none;			\
	found != NULL;							\
})

static inline const struct xrpc_hdr *in_hdr(void)
{
	return (const void *)in.b;
}

/* Packets of the other side whose number was not the next one. */
static unsigned int numbers_wrong;

/* A client that begins anew counts from 0. */
static inline bool begins_anew(void)
{
	const struct xrpc_token_req *r = find(XRPC_FT_TOKEN_REQ);
	const struct xrpc_open *o = find(XRPC_FT_OPEN);

	return (r && xrpc_get64(r->client_id) != our_id) ||
	       (o && xrpc_get64(o->client_id) != our_id);
}

static inline bool rx_at(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	socklen_t len = sizeof(got_from);
	ssize_t n;

	in.len = 0;
	if (poll(&p, 1, ms) != 1)
		return false;
	n = recvfrom(fd, in.b, sizeof(in.b), 0, (void *)&got_from, &len);
	if (n < (ssize_t)sizeof(struct xrpc_hdr) ||
	    xrpc_wire_check(in.b, n, XRPC_MSG_MAX))
		return false;
	in.len = n;
	if (follow)
		to = got_from;
	/* tokens and NOSESSION come from no session */
	if (find(XRPC_FT_TOKEN) || find(XRPC_FT_NOSESSION))
		return true;
	if (begins_anew())
		peer_pn = 0;
	if (be32toh(in_hdr()->pn) != peer_pn) {
		printf("# number %u where %u is next\n",
		       be32toh(in_hdr()->pn), peer_pn);
		numbers_wrong++;
	}
	peer_pn = be32toh(in_hdr()->pn) + 1;
	return true;
}

static inline bool rx(int ms)
{
	return rx_at(udp, ms);
}

static inline void flush(void)
{
	while (rx(0))
		;
}

static inline bool silent(void)
{
	return !rx(50);
}

/* Wait for a packet with a frame of this type. */
static inline bool rx_until(uint8_t type, int ms)
{
	uint64_t end = now_ms() + ms;

	while (now_ms() < end && rx(end - now_ms())) {
		if (find(type))
			return true;
	}
	return false;
}

/* ---- what an answer must be ------------------------------------------ */

/* The next packet of the other side's session begins so. */
static inline void expect(void)
{
	struct xrpc_hdr *h = header(&want, 0, peer_pn, our_id);

	if (noted_any) {
		h->echo = htobe32(noted_max);
		h->echo_delay = 0;	/* see same() */
	}
}

/* A packet that answers one of no session: number 0, the other's echoed. */
static inline void expect_stray(uint64_t id)
{
	struct xrpc_hdr *h = header(&want, 0, 0, id);

	h->echo = ((struct xrpc_hdr *)out.b)->pn;
	h->echo_delay = 0;
}

/* ACK of all that was taken, in at most this many ranges. */
static inline void put_acks(struct pkt *p, unsigned int most)
{
	struct xrpc_ack_range r[XRPC_ACK_RANGES_MAX];
	uint64_t pn = noted_max;
	unsigned int n = 0;
	long left = 65535;	/* the table is one of the low bits */

	while (n < most && left > 0) {
		while (left > 0 && !noted[pn & 0xffff])
			pn--, left--;
		if (left <= 0)
			break;
		r[n].hi = htobe32(pn);
		while (left > 0 && noted[pn & 0xffff])
			pn--, left--;
		r[n++].lo = htobe32(pn + 1);
	}
	memcpy((char *)frame(p, XRPC_FT_ACK, 0, 4 + n * sizeof(*r)) + 4, r,
	       n * sizeof(*r));
}

static inline void dump(const char *what, const struct pkt *p)
{
	size_t i;

	printf("# %s, %zu bytes:", what, p->len);
	for (i = 0; i < p->len && i < 160; i++)
		printf("%s%02x", i % 4 ? "" : " ", p->b[i]);
	printf("\n");
}

/* Whether the packet received is what it should be, byte for byte. */
static inline bool same(void)
{
	struct xrpc_hdr *w = (void *)want.b;
	uint32_t delay;

	/* the one thing that is not known: how long the echo was held */
	if (in.len && w->echo_delay != htobe32(XRPC_ECHO_NONE)) {
		delay = be32toh(in_hdr()->echo_delay);
		if (delay <= (now_ns() - noted_at) / 1000)
			w->echo_delay = in_hdr()->echo_delay;
	}
	if (in.len == want.len && !memcmp(in.b, want.b, in.len))
		return true;
	dump("got", &in);
	dump("not", &want);
	return false;
}

/* Receive the packet that was described. */
static inline bool answered(void)
{
	return rx(100) && same();
}

static inline void expect_status(uint16_t chan, uint32_t seq, uint8_t code)
{
	expect();
	put_status(&want, chan, seq, code);
	put_acks(&want, 4);
}

static inline bool status(uint16_t chan, uint32_t seq, uint8_t code)
{
	expect_status(chan, seq, code);
	return answered();
}

static inline bool reply(uint16_t chan, uint32_t seq, const char *text)
{
	expect();
	put_data(&want, chan, seq, text);
	return answered();
}

/* Whether the packet received has this message in it. */
static inline bool has_data(uint16_t chan, uint32_t seq, const char *text)
{
	const struct xrpc_data *d = find(XRPC_FT_DATA);

	put_data((want.len = 0, &want), chan, seq, text);
	return d && d->h.len == ((struct xrpc_fhdr *)want.b)->len &&
	       !memcmp(d, want.b, want.len);
}

static inline bool has_status(uint16_t chan, uint32_t seq, uint8_t code)
{
	const struct xrpc_status *s = find(XRPC_FT_STATUS);

	put_status((want.len = 0, &want), chan, seq, code);
	return s && !memcmp(s, want.b, want.len);
}

static inline void set_sysctl(const char *name, unsigned int v)
{
	char path[100];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/sys/net/xrpc/%s", name);
	f = fopen(path, "w");
	if (!f || fprintf(f, "%u", v) < 1 || fclose(f)) {
		printf("Bail out! %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

/* ---- the server's application ---------------------------------------- */

static struct sockaddr_xrpc from;
static char req[XRPC_MSG_MAX];
static ssize_t req_len;

static inline bool executed_at(int fd, const char *text, size_t n)
{
	socklen_t len = sizeof(from);
	struct pollfd p = { .fd = fd, .events = POLLIN };

	if (poll(&p, 1, 100) != 1)
		return false;
	req_len = recvfrom(fd, req, sizeof(req), 0, (void *)&from, &len);
	return req_len == (ssize_t)n && !memcmp(req, text, n);
}

static inline bool executed(const char *text)
{
	return executed_at(srv, text, strlen(text));
}

static inline bool answer(const char *text)
{
	return give_answer(srv, text, strlen(text), &from) ==
	       (ssize_t)strlen(text);
}

static inline bool idle(void)
{
	struct pollfd p = { .fd = srv, .events = POLLIN };

	return !poll(&p, 1, 20);
}

/* ---- a scripted client's session ------------------------------------- */

static inline void udp_at(int *fd, const char *host, int port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port) };
	int size = 1 << 20;

	inet_pton(AF_INET, host, &a.sin_addr);
	*fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(*fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(*fd, (void *)&a, sizeof(a))) {
		printf("Bail out! bind: %s\n", strerror(errno));
		exit(1);
	}
}

static inline void aim(const char *host, int port)
{
	to.sin_family = AF_INET;
	to.sin_port = htons(port);
	inet_pton(AF_INET, host, &to.sin_addr);
}

/* Get a token for where @fd sends from. */
static inline bool fetch_token(int fd, uint64_t id, struct xrpc_token *t)
{
	const struct xrpc_token_frame *f;

	header(&out, 0, 0, 0);
	put_token_req(&out, id, 0, 0);
	put_pad(&out, 8);
	tx_from(fd);
	if (!rx_at(fd, 100) || !want_frame(f, XRPC_FT_TOKEN))
		return false;
	*t = f->token;
	epoch = xrpc_get64(f->epoch);
	return true;
}

/* An opening packet of the session being played, to be completed. */
static inline struct xrpc_open *opening(void)
{
	begin(XRPC_HF_OPENING, 0);
	return put_open(&out, &token, our_id);
}

/* What the server's answers begin with until its id was shown to it. */
static inline void expect_accept(void)
{
	expect();
	put_accept(&want, peer_id, epoch, 1024);
}

/*
 * Open a session with a call on channel 0, sequence 1, and show the id with
 * another, sequence 2.
 */
static inline bool open_session(uint64_t id)
{
	const struct xrpc_accept *a;

	fresh(id);
	if (!fetch_token(udp, id, &token))
		return false;
	opening();
	put_data(&out, 0, 1, "first");
	tx();
	if (!executed("first") || !answer("1") || !rx(100) ||
	    !want_frame(a, XRPC_FT_ACCEPT) || !has_data(0, 1, "1"))
		return false;
	peer_id = xrpc_get64(a->server_id);
	begin(0, peer_id);
	put_data(&out, 0, 2, "second");
	tx();
	return executed("second") && answer("2") && reply(0, 2, "2");
}

/* Acknowledge a reply, so that it does not come again. */
static inline void done(uint16_t chan, uint32_t seq)
{
	begin(0, peer_id);
	put_done(&out, chan, seq);
	tx();
}

/* A request by the server's id. */
static inline void request(uint16_t chan, uint32_t seq, const char *text)
{
	begin(0, peer_id);
	put_data(&out, chan, seq, text);
	tx();
}

/* A whole call on a channel: request, execution, reply, acknowledgement. */
static inline bool call(uint16_t chan, uint32_t seq, const char *text)
{
	bool good;

	request(chan, seq, text);
	good = executed(text) && answer("re") && reply(chan, seq, "re");
	done(chan, seq);
	return good;
}

static inline void close_session(void)
{
	begin(0, peer_id);
	put_close(&out);
	tx();
	flush();
}

#endif /* XRPC_SCRIPTED_H */
