// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * A scripted peer: packets made by hand on a plain UDP socket, and what the
 * module answers, byte for byte.  The rules are those of protocol.rst.
 */
#include <poll.h>
#include <time.h>

#include "tap.h"
#include "wire.h"

#define PORT		4100
#define SERVICE		3
#define CLIENT_ID	0x1122334455667788ULL

static int udp, srv;
static struct sockaddr_in to_srv;
static uint32_t next_pn;
static uint64_t server_id, epoch;
static struct xrpc_token token;

/* The packet being made, and the last one received. */
static unsigned char out[4096], in[4096];
static size_t out_len;
static ssize_t in_len;

/* ---- making packets -------------------------------------------------- */

static struct xrpc_hdr *begin(uint8_t flags, uint64_t id)
{
	struct xrpc_hdr *h = (void *)out;

	memset(out, 0, sizeof(out));
	h->vfk = XRPC_WIRE_VERSION;
	h->flags = flags;
	h->pn = htobe32(next_pn++);
	xrpc_put64(h->id, id);
	h->echo_delay = htobe32(XRPC_ECHO_NONE);
	out_len = sizeof(*h);
	return h;
}

static void *frame(uint8_t type, uint8_t flags, size_t len)
{
	struct xrpc_fhdr *f = (void *)(out + ((out_len + 3) & ~3UL));

	f->type = type;
	f->flags = flags;
	f->len = htobe16(len);
	out_len = (unsigned char *)f - out + len;
	return f;
}

static void put_open(const struct xrpc_token *t, uint64_t id)
{
	struct xrpc_open *o = frame(XRPC_FT_OPEN, 0, sizeof(*o));

	o->service = htobe32(SERVICE);
	xrpc_put64(o->client_id, id);
	o->token = *t;
	xrpc_put64(o->epoch, epoch);
	o->credit = htobe32(65536);
	o->ack_delay = htobe32(10000);
}

static void put_data(uint16_t chan, uint32_t seq, const void *data, size_t len)
{
	struct xrpc_data *d = frame(XRPC_FT_DATA, XRPC_DF_EOM | XRPC_DF_EOH,
				    sizeof(*d) + len);

	d->chan = htobe16(chan);
	d->seq = htobe32(seq);
	memcpy(d + 1, data, len);
}

/* A segment of a longer message. */
static void put_part(uint16_t chan, uint32_t seq, const char *msg, size_t total,
		     size_t off, size_t len)
{
	uint8_t flags = XRPC_DF_TOTAL;
	struct xrpc_data *d;

	if (off + len == total)
		flags |= XRPC_DF_EOM | XRPC_DF_EOH;
	d = frame(XRPC_FT_DATA, flags, sizeof(*d) + 8 + len);
	d->chan = htobe16(chan);
	d->seq = htobe32(seq);
	d->off = htobe32(off);
	xrpc_put64((__be32 *)(d + 1), total);
	memcpy((char *)(d + 1) + 8, msg + off, len);
}

static void put_ref(uint8_t type, uint16_t chan, uint32_t seq)
{
	struct xrpc_callref *r = frame(type, 0, sizeof(*r));

	r->chan = htobe16(chan);
	r->seq = htobe32(seq);
}

static void tx(void)
{
	sendto(udp, out, out_len, 0, (void *)&to_srv, sizeof(to_srv));
}

/* ---- reading answers ------------------------------------------------- */

static bool rx(int ms)
{
	struct pollfd p = { .fd = udp, .events = POLLIN };

	in_len = 0;
	if (poll(&p, 1, ms) != 1)
		return false;
	in_len = recv(udp, in, sizeof(in), 0);
	return in_len >= (ssize_t)sizeof(struct xrpc_hdr) &&
	       !xrpc_wire_check(in, in_len, XRPC_MSG_MAX);
}

static void flush(void)
{
	while (recv(udp, in, sizeof(in), MSG_DONTWAIT) >= 0)
		;
}

static bool silent(void)
{
	return !rx(50);
}

/* The first frame of a type in the packet received. */
static const void *find(uint8_t type)
{
	struct xrpc_cursor c;
	int more;

	if (!in_len)
		return NULL;
	for (more = xrpc_wire_first(&c, in, in_len); more > 0;
	     more = xrpc_wire_next(&c)) {
		if (c.type == type)
			return c.frame;
	}
	return NULL;
}

/* Find a frame; where there is none @ptr keeps what it points to. */
static const unsigned char none[256];

#define want_frame(ptr, type) __extension__({				\
	const void *found = find(type);					\
									\
	(ptr) = found ? found : (const void *)none;			\
	found != NULL;							\
})

static bool reply_is(uint16_t chan, uint32_t seq, const char *text)
{
	struct xrpc_data want = {
		.h = { XRPC_FT_DATA, XRPC_DF_EOM | XRPC_DF_EOH,
		       htobe16(sizeof(want) + strlen(text)) },
		.chan = htobe16(chan),
		.seq = htobe32(seq),
	};
	const struct xrpc_data *d = find(XRPC_FT_DATA);

	return d && !memcmp(d, &want, sizeof(want)) &&
	       !memcmp(d + 1, text, strlen(text));
}

static bool status_is(uint16_t chan, uint32_t seq, uint8_t code)
{
	struct xrpc_status want = {
		.h = { XRPC_FT_STATUS, 0, htobe16(sizeof(want)) },
		.chan = htobe16(chan),
		.code = code,
		.seq = htobe32(seq),
	};
	const struct xrpc_status *s = find(XRPC_FT_STATUS);

	return s && !memcmp(s, &want, sizeof(want));
}

static uint64_t counter(const char *name)
{
	FILE *f = fopen("/proc/net/xrpc/stats", "r");
	char line[100], n[64];
	unsigned long v = 0, got;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lu", n, &got) == 2 && !strcmp(n, name))
			v = got;
	}
	if (f)
		fclose(f);
	return v;
}

/* ---- the server's application ---------------------------------------- */

static struct sockaddr_xrpc from;
static char req[XRPC_MSG_MAX];

static bool executed(const char *text)
{
	socklen_t len = sizeof(from);
	struct pollfd p = { .fd = srv, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 100) != 1)
		return false;
	n = recvfrom(srv, req, sizeof(req), 0, (void *)&from, &len);
	return n == (ssize_t)strlen(text) && !memcmp(req, text, n);
}

static bool idle(void)
{
	struct pollfd p = { .fd = srv, .events = POLLIN };

	return !poll(&p, 1, 20);
}

/* A whole call on a channel: request, execution, reply. */
static bool call(uint16_t chan, uint32_t seq, const char *text)
{
	begin(0, server_id);
	put_data(chan, seq, text, strlen(text));
	tx();
	return executed(text) && give_answer(srv, "re", 2, &from) == 2 &&
	       rx(100) && reply_is(chan, seq, "re");
}

/* ---- the cases ------------------------------------------------------- */

static void ask_token(size_t pad)
{
	struct xrpc_token_req *r;

	begin(0, 0);
	r = frame(XRPC_FT_TOKEN_REQ, 0, sizeof(*r));
	xrpc_put64(r->client_id, CLIENT_ID);
	if (pad)
		frame(XRPC_FT_PAD, 0, pad);
	tx();
}

static void test_tokens(void)
{
	const struct xrpc_token_frame *t = (const void *)none;
	const struct xrpc_hdr *h = (void *)in;
	struct xrpc_token forged;
	int other;

	ask_token(4);
	ok(silent(), "a token request smaller than its answer gets none");
	ask_token(8);
	ok(rx(100) && want_frame(t, XRPC_FT_TOKEN), "a token request is answered");
	ok(in_len <= (ssize_t)out_len, "with no more bytes than came (%zd)",
	   in_len);
	ok(xrpc_get64(h->id) == CLIENT_ID &&
	   be32toh(h->echo) == next_pn - 1, "to the client's id, echoing");
	token = t->token;
	epoch = xrpc_get64(t->epoch);

	forged = token;
	forged.w[3] ^= htobe32(1);
	begin(XRPC_HF_OPENING, 0);
	put_open(&forged, CLIENT_ID);
	put_data(0, 1, "forged", 6);
	tx();
	ok(rx(100) && want_frame(t, XRPC_FT_TOKEN) &&
	   t->h.flags & XRPC_TF_RETRY, "a forged token is answered by a retry");
	ok(in_len <= 3 * (ssize_t)out_len, "of at most three times the bytes");
	ok(idle(), "and nothing is executed");

	memset(&forged, 0, sizeof(forged));
	begin(XRPC_HF_OPENING, 0);
	put_open(&forged, CLIENT_ID);
	((struct xrpc_open *)(out + 24))->h.flags = XRPC_OF_NO_TOKEN;
	put_data(0, 1, "none", 4);
	tx();
	ok(rx(100) && find(XRPC_FT_TOKEN) && idle(),
	   "without a token nothing is executed");

	other = socket(AF_INET, SOCK_DGRAM, 0);
	begin(XRPC_HF_OPENING, 0);
	put_open(&token, CLIENT_ID + 1);
	put_data(0, 1, "moved", 5);
	sendto(other, out, out_len, 0, (void *)&to_srv, sizeof(to_srv));
	ok(idle(), "a token of another port opens nothing");
	close(other);
}

static void test_opening(void)
{
	const struct xrpc_accept *a = (const void *)none;
	unsigned char first[4096];
	ssize_t len;

	begin(XRPC_HF_OPENING, 0);
	put_open(&token, CLIENT_ID);
	put_data(0, 1, "one", 3);
	tx();
	ok(executed("one"), "a good token opens and executes at once");
	ok(from.sxr_service == SERVICE, "at the service it names");
	give_answer(srv, "eins", 4, &from);
	ok(rx(100) && want_frame(a, XRPC_FT_ACCEPT) && reply_is(0, 1, "eins"),
	   "the reply tells the server's id");
	server_id = xrpc_get64(a->server_id);
	ok(server_id && xrpc_get64(a->epoch) == epoch &&
	   be32toh(a->ack_delay) == 5000, "and its epoch and delay");
	memcpy(first, in, in_len);
	len = in_len;

	out_len = 0;
	begin(XRPC_HF_OPENING, 0);
	put_open(&token, CLIENT_ID);
	put_data(0, 1, "one", 3);
	tx();
	ok(rx(100) && in_len == len &&
	   !memcmp(in + 24, first + 24, len - 24),
	   "the request again gets the reply again, the same bytes");
	ok(idle(), "and is not executed again");
	tx();
	ok(silent(), "the same packet number again gets nothing");

	ok(call(0, 2, "two"), "the next call by the server's id");
	ok(!find(XRPC_FT_ACCEPT), "needs no more telling of it");
	ok(in_len == 24 + 16 + 2, "40 bytes and the reply (%zd)", in_len);
	begin(0, server_id);
	put_data(0, 1, "one", 3);
	tx();
	ok(silent() && idle(), "an older sequence gets nothing");
}

static void test_duplicates(void)
{
	begin(0, server_id);
	put_data(1, 1, "slow", 4);
	tx();
	ok(executed("slow"), "a slow call");
	flush();
	begin(0, server_id);
	put_data(1, 1, "slow", 4);
	tx();
	ok(rx(100) && status_is(1, 1, XRPC_ST_IN_PROGRESS) && idle(),
	   "a duplicate of it: in progress");
	begin(0, server_id);
	put_data(1, 2, "next", 4);
	tx();
	ok(idle(), "the channel's next while it executes is not executed");
	begin(0, server_id);
	put_ref(XRPC_FT_PROBE, 1, 1);
	tx();
	ok(rx(100) && status_is(1, 1, XRPC_ST_IN_PROGRESS),
	   "a probe of it: in progress");
	begin(0, server_id);
	put_ref(XRPC_FT_PROBE, 7, 1);
	tx();
	ok(rx(100) && status_is(7, 1, XRPC_ST_NOCALL),
	   "a probe of a call not seen");
	flush();
	give_answer(srv, "done", 4, &from);
	ok(rx(100) && reply_is(1, 1, "done"), "its reply comes");
	/* so do others that were not acknowledged */
	while (rx(2000) && !reply_is(1, 1, "done"))
		;
	ok(reply_is(1, 1, "done"), "and comes again, not acknowledged");
	begin(0, server_id);
	struct xrpc_fhdr *f = frame(XRPC_FT_DONE, 0, 12);
	struct xrpc_done *d = (void *)(f + 1);

	d->chan = htobe16(1);
	d->seq = htobe32(1);
	tx();
	flush();
	ok(silent(), "until DONE acknowledges it");
	begin(0, server_id);
	put_data(1, 1, "slow", 4);
	tx();
	ok(rx(100) && status_is(1, 1, XRPC_ST_DROPPED) && idle(),
	   "a small record answers after that");
}

static void test_cancel(void)
{
	begin(0, server_id);
	put_ref(XRPC_FT_CANCEL, 2, 5);
	tx();
	ok(rx(100) && status_is(2, 5, XRPC_ST_CANCELED),
	   "cancel of a call not seen");
	begin(0, server_id);
	put_data(2, 5, "late", 4);
	tx();
	ok(rx(100) && status_is(2, 5, XRPC_ST_CANCELED) && idle(),
	   "keeps it from executing when it comes");

	begin(0, server_id);
	put_data(2, 6, "queued", 6);
	tx();
	begin(0, server_id);
	put_ref(XRPC_FT_CANCEL, 2, 6);
	tx();
	ok(rx(100) && status_is(2, 6, XRPC_ST_CANCELED) && idle(),
	   "cancel of a queued call takes it back");

	begin(0, server_id);
	put_data(2, 7, "run", 3);
	tx();
	executed("run");
	flush();
	begin(0, server_id);
	put_ref(XRPC_FT_CANCEL, 2, 7);
	tx();
	ok(rx(100) && status_is(2, 7, XRPC_ST_DETACHED),
	   "cancel of an executing call detaches it");
	fails(give_answer(srv, "x", 1, &from), ECANCELED,
	      "a late answer is refused");
	flush();
	ok(call(2, 8, "more"), "the channel goes on");
}

static uint64_t ms_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000ULL + ts.tv_nsec / 1000000;
}

static void test_acks(void)
{
	const struct xrpc_fhdr *f = (const void *)none;
	const struct xrpc_ack_range *r = (const void *)none;
	uint64_t begun, took;
	uint32_t pn;

	flush();
	begin(0, server_id);
	pn = next_pn - 1;
	put_data(3, 1, "ack", 3);
	begun = ms_now();
	tx();
	executed("ack");
	ok(rx(100) && want_frame(f, XRPC_FT_ACK) && !find(XRPC_FT_DATA),
	   "a request not answered is acknowledged explicitly");
	took = ms_now() - begun;
	ok(took >= 4 && took <= 20, "after the server's delay (%llu ms)",
	   (unsigned long long)took);
	r = (void *)(f + 1);
	ok(be32toh(r->hi) == pn, "by its packet number");
	give_answer(srv, "a", 1, &from);
	flush();
	ok(call(3, 2, "x"), "a prompt answer");
	ok(!find(XRPC_FT_ACK), "acknowledges by itself");

	next_pn += 2;		/* two packets that got lost */
	begin(0, server_id);
	put_ref(XRPC_FT_PROBE, 9, 1);
	tx();
	ok(rx(100) && want_frame(f, XRPC_FT_ACK), "a gap is acknowledged at once");
	r = (void *)(f + 1);
	ok(be16toh(f->len) >= 20 && be32toh(r[0].lo) == next_pn - 1 &&
	   be32toh(r[1].hi) == next_pn - 4, "as two ranges");
	begin(XRPC_HF_ACK_NOW, server_id);
	frame(XRPC_FT_PAD, 0, 4);
	tx();
	flush();
	begin(XRPC_HF_ACK_NOW, server_id);
	frame(XRPC_FT_PAD, 0, 4);
	tx();
	ok(rx(4) && find(XRPC_FT_ACK), "ACK_NOW is acknowledged at once");
	begin(0, server_id);
	f = frame(XRPC_FT_ACK, 0, 12);
	r = (void *)(f + 1);
	((struct xrpc_ack_range *)r)->lo = htobe32(0x1000);
	((struct xrpc_ack_range *)r)->hi = htobe32(0x2000);
	tx();
	flush();
	ok(call(3, 3, "y"), "an acknowledgement of things never sent is nothing");
}

static void test_nosession(void)
{
	struct xrpc_nosession want = {
		.h = { XRPC_FT_NOSESSION, 0, htobe16(sizeof(want)) },
	};
	struct xrpc_nosession *f;

	flush();
	begin(0, 0xdeadbeefULL);
	put_data(0, 1, "who", 3);
	want.pn = htobe32(next_pn - 1);
	xrpc_put64(want.id, 0xdeadbeefULL);
	tx();
	ok(rx(100) && in_len == 24 + sizeof(want) &&
	   !memcmp(in + 24, &want, sizeof(want)),
	   "an unknown id gets NOSESSION, naming id and packet");
	ok(in_len <= (ssize_t)out_len, "no larger than what it answers");
	begin(0, 0xdeadbeefULL);
	frame(XRPC_FT_PAD, 0, 4);
	tx();
	ok(silent(), "none where it would be larger");
	begin(0, 0xdeadbeefULL);
	f = frame(XRPC_FT_NOSESSION, 0, sizeof(*f));
	f->pn = htobe32(1);
	tx();
	ok(silent(), "none in answer to one");
}

/* One packet with a byte changed: dropped, counted, nothing executed. */
static void bad(const char *name, size_t at_byte, uint8_t value,
		const char *which)
{
	uint64_t before = counter(which);

	begin(0, server_id);
	put_data(20, 1, "bad", 3);
	out[at_byte] = value;
	tx();
	ok(idle() && counter(which) == before + 1, "dropped: %s", name);
	flush();
}

static void test_malformed(void)
{
	static char msg[4096];
	uint64_t before;
	int one = 1;

	bad("another version", 0, 0x20, "DropVersion");
	bad("the group form", 0, 0x18, "DropVersion");
	bad("reserved bits of the first byte", 0, 0x11, "DropMalformed");
	bad("unknown header flags", 1, 0x80, "DropMalformed");
	bad("the reserved field", 3, 1, "DropMalformed");
	bad("an unknown frame", 24, 0x7f, "DropMalformed");
	bad("unknown frame flags", 25, 0x83, "DropMalformed");
	bad("a frame longer than the packet", 27, 200, "DropMalformed");
	bad("a frame shorter than its header", 27, 3, "DropMalformed");
	bad("a message number", 31, 1, "DropMalformed");
	bad("an offset without a total", 39, 9, "DropMalformed");
	bad("no end in a message of one packet", 25, 0, "DropMalformed");

	begin(0, server_id);
	frame(0x90, 0xff, 8);
	put_data(20, 1, "skip", 4);
	tx();
	ok(executed("skip"), "a frame that may be skipped is skipped");
	give_answer(srv, "s", 1, &from);
	flush();

	before = counter("DropMalformed");
	begin(0, server_id);
	put_part(20, 2, msg, 4096, 0, 100);
	tx();
	begin(0, server_id);
	put_part(20, 2, msg, 200000, 0, 300);
	tx();
	begin(0, server_id);
	tx();
	ok(idle() && counter("DropMalformed") == before + 3,
	   "crumbs, messages too long and packets without frames");

	before = counter("DropChecksum");
	setsockopt(udp, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one));
	begin(0, server_id);
	put_data(20, 3, "sum", 3);
	tx();
	one = 0;
	setsockopt(udp, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one));
	ok(idle() && counter("DropChecksum") == before + 1,
	   "a packet without UDP checksum");
}

static void test_segments(void)
{
	static const int order[][2] = {
		{ 3072, 1024 }, { 1024, 1024 }, { 1024, 1024 }, { 512, 1024 },
		{ 2048, 1024 }, { 2048, 1024 }, { 0, 1024 },
	};
	static char msg[4097];
	unsigned int i;

	for (i = 0; i < 4096; i++)
		msg[i] = 'A' + i * 7 % 26;
	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		ok(idle(), "not whole after %u segments", i);
		begin(0, server_id);
		put_part(21, 1, msg, 4096, order[i][0], order[i][1]);
		tx();
	}
	ok(executed(msg), "out of order, twice, overlapping: put together");
	give_answer(srv, "s", 1, &from);
	flush();
	begin(0, server_id);
	put_part(21, 1, msg, 4096, 0, 1024);
	tx();
	ok(rx(100) && reply_is(21, 1, "s") && idle(),
	   "a segment of it again gets the reply again");
}

static void test_close(void)
{
	struct xrpc_close *c;

	begin(0, server_id);
	c = frame(XRPC_FT_CLOSE, 0, sizeof(*c));
	tx();
	flush();
	begin(XRPC_HF_OPENING, 0);
	put_open(&token, CLIENT_ID);
	put_data(30, 1, "ghost", 5);
	tx();
	ok(idle(), "a closed session is not opened again by a late packet");
	begin(0, server_id);
	put_data(30, 1, "ghost", 5);
	tx();
	ok(rx(100) && find(XRPC_FT_NOSESSION) && idle(),
	   "and its id is not known any more");
}

/* ---- a scripted server ----------------------------------------------- */

static struct sockaddr_in to_client;

static bool rx_from_client(int ms)
{
	struct pollfd p = { .fd = udp, .events = POLLIN };
	socklen_t len = sizeof(to_client);

	in_len = 0;
	if (poll(&p, 1, ms) != 1)
		return false;
	in_len = recvfrom(udp, in, sizeof(in), 0, (void *)&to_client, &len);
	to_srv = to_client;
	return !xrpc_wire_check(in, in_len, XRPC_MSG_MAX);
}

static void put_accept(uint64_t id)
{
	struct xrpc_accept *a = frame(XRPC_FT_ACCEPT, 0, sizeof(*a));

	a->ack_delay = htobe32(5000);
	xrpc_put64(a->server_id, id);
	xrpc_put64(a->epoch, 77);
	a->credit = htobe32(65536);
	a->msg_max = htobe32(65536);
	a->chans = htobe16(16);
}

static void send_token(uint64_t id, uint32_t echo, uint64_t horizon)
{
	struct xrpc_token_frame *t;

	next_pn = 0;
	begin(0, id)->echo = echo;
	t = frame(XRPC_FT_TOKEN, 0, sizeof(*t));
	xrpc_put64(t->epoch, 77);
	t->token.w[0] = htobe32(0x01020304);
	xrpc_put64(t->horizon, horizon);
	tx();
}

/* The server of socket @c's session @id forgets it. */
static void test_reopening(int c, uint64_t id, uint32_t old_pn)
{
	const struct xrpc_token_req *r = (const void *)none;
	const struct xrpc_open *o = (const void *)none;
	const struct xrpc_hdr *h = (const void *)in;
	struct xrpc_nosession *f;
	uint64_t us = 30000000;

	setsockopt(c, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us, sizeof(us));
	while (rx_from_client(300))
		;
	send(c, "w", 1, 0);
	ok(rx_from_client(100) && find(XRPC_FT_DATA) &&
	   xrpc_get64(h->id) == 0x5555, "a call of the open session");
	begin(0, 0);
	f = frame(XRPC_FT_NOSESSION, 0, sizeof(*f));
	f->pn = htobe32(be32toh(h->pn) + 1);
	xrpc_put64(f->id, 0x5555);
	tx();
	ok(!rx_from_client(0),
	   "NOSESSION for a packet never sent has no effect");
	f->pn = h->pn;
	tx();
	ok(rx_from_client(100) && want_frame(r, XRPC_FT_TOKEN_REQ) &&
	   !find(XRPC_FT_DATA) && xrpc_get64(r->old_id) == 0x5555 &&
	   xrpc_get64(r->old_epoch) == 77 && xrpc_get64(r->client_id) == id,
	   "NOSESSION makes it ask, naming what it knew, without the request");
	send_token(id, old_pn, 3600 * 1000000ULL);
	ok(!rx_from_client(0), "an answer from before it asked decides nothing");
	send_token(id, h->pn, 3600 * 1000000ULL);
	ok(rx_from_client(100) && want_frame(o, XRPC_FT_OPEN) &&
	   find(XRPC_FT_DATA) && xrpc_get64(o->client_id) != id,
	   "a proof that it did not run: again, in a new session");
	close(c);
}

static void test_client(void)
{
	struct sockaddr_in here = { .sin_family = AF_INET };
	socklen_t len = sizeof(here);
	const struct xrpc_token_req *r = (const void *)none;
	const struct xrpc_hdr *h = (void *)in;
	const struct xrpc_open *o = (const void *)none;
	const struct xrpc_done *d = (const void *)none;
	uint64_t us = 400000, id;
	uint32_t pn, token_pn;
	char buf[8];
	int c;

	close(udp);
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	bind(udp, (void *)&here, sizeof(here));
	getsockname(udp, (void *)&here, &len);
	c = client_to(at("127.0.0.1", ntohs(here.sin_port), 9));

	send(c, "q", 1, 0);
	ok(rx_from_client(100) && want_frame(r, XRPC_FT_TOKEN_REQ) &&
	   !find(XRPC_FT_DATA), "a client asks for a token first");
	ok(in_len == 64 && !xrpc_get64(h->id) && !xrpc_get64(r->old_id),
	   "padded to the answer's size");
	id = xrpc_get64(r->client_id);
	ok(rx_from_client(1000) && find(XRPC_FT_TOKEN_REQ),
	   "and again when nothing comes");
	token_pn = h->pn;
	send_token(id, token_pn, 0);
	send_token(id, token_pn, 0);
	ok(rx_from_client(100) && want_frame(o, XRPC_FT_OPEN) &&
	   reply_is(0, 1, "q"), "then it opens, with the request");
	ok(h->flags & XRPC_HF_OPENING && be32toh(o->service) == 9 &&
	   o->token.w[0] == htobe32(0x01020304) &&
	   xrpc_get64(o->client_id) == id && xrpc_get64(o->epoch) == 77,
	   "naming service, token, id and epoch");
	pn = be32toh(h->pn);
	ok(rx_from_client(2000) && find(XRPC_FT_OPEN) &&
	   be32toh(h->pn) > pn && reply_is(0, 1, "q"),
	   "and retransmits under a new packet number");

	next_pn = 0;
	begin(0, id);
	put_accept(0x5555);
	put_data(0, 1, "yes", 3);
	tx();
	ok(recv(c, buf, 8, MSG_DONTWAIT) == 3,
	   "the session's packet 0 is taken, though a token came twice");
	begin(0, id);
	put_data(0, 2, "no", 2);
	tx();
	fails(recv(c, buf, 8, MSG_DONTWAIT), EAGAIN,
	      "a reply to a call not made is dropped");
	while (rx_from_client(100) && !find(XRPC_FT_DONE))
		;
	ok(want_frame(d, XRPC_FT_DONE) && xrpc_get64(h->id) == 0x5555,
	   "an idle client acknowledges the reply to the server's id");
	d = (void *)((const char *)d + sizeof(struct xrpc_fhdr));
	ok(!d->chan && be32toh(d->seq) == 1, "by channel and sequence");

	begin(0, id);
	put_data(0, 1, "yes", 3);
	tx();
	ok(rx_from_client(100) && find(XRPC_FT_DONE),
	   "and again when the reply comes again");
	fails(recv(c, buf, 8, MSG_DONTWAIT), EAGAIN, "which is given once");

	setsockopt(c, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &us, sizeof(us));
	send(c, "z", 1, 0);
	ok(rx_from_client(100) && reply_is(0, 2, "z") && in_len == 41,
	   "the lowest channel again, in 40 bytes");
	fails(recv(c, buf, 8, 0), ETIMEDOUT, "no reply by the deadline");
	while (rx_from_client(100) && !find(XRPC_FT_CANCEL))
		;
	ok(find(XRPC_FT_CANCEL), "the cancel goes out behind it");
	begin(0, id);
	put_data(0, 2, "too late", 8);
	tx();
	fails(recv(c, buf, 8, MSG_DONTWAIT), EAGAIN,
	      "a reply after that is dropped");
	test_reopening(c, id, token_pn);
}

int main(void)
{
	tap_begin();
	srv = server_at(at("127.0.0.1", PORT, SERVICE));
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	to_srv.sin_family = AF_INET;
	to_srv.sin_port = htons(PORT);
	to_srv.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

	test_tokens();
	test_opening();
	test_duplicates();
	test_cancel();
	test_acks();
	test_nosession();
	test_malformed();
	test_segments();
	test_close();
	test_client();
	return tap_end();
}
