// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=300
 *
 * Rules of protocol.rst at their ends: what may stand before OPEN, sequences
 * beyond the half of all numbers, a request whose rest never comes.
 */
#include <poll.h>
#include <time.h>

#include "tap.h"
#include "wire.h"

#define PORT		4300
#define SERVICE		3

static int udp, srv;
static struct sockaddr_in to_srv;
static uint32_t next_pn;
static uint64_t client_id = 0x6655443322110000ULL, server_id, epoch;
static struct xrpc_token token;
static unsigned char out[2048], in[2048];
static size_t out_len;
static ssize_t in_len;

static void begin(uint8_t flags, uint64_t id)
{
	struct xrpc_hdr *h = (void *)out;

	memset(out, 0, sizeof(out));
	h->vfk = XRPC_WIRE_VERSION;
	h->flags = flags;
	h->pn = htobe32(next_pn++);
	xrpc_put64(h->id, id);
	h->echo_delay = htobe32(XRPC_ECHO_NONE);
	out_len = sizeof(*h);
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

static void put_open(void)
{
	struct xrpc_open *o = frame(XRPC_FT_OPEN, 0, sizeof(*o));

	o->service = htobe32(SERVICE);
	xrpc_put64(o->client_id, client_id);
	o->token = token;
	xrpc_put64(o->epoch, epoch);
	o->ack_delay = htobe32(10000);
}

static void put_data(uint16_t chan, uint32_t seq, char c)
{
	struct xrpc_data *d = frame(XRPC_FT_DATA, XRPC_DF_EOM | XRPC_DF_EOH,
				    sizeof(*d) + 1);

	d->chan = htobe16(chan);
	d->seq = htobe32(seq);
	*(char *)(d + 1) = c;
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

static int64_t ms_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* The first frame of a type in the packets that come within a time, or NULL. */
static const void *rx(uint8_t type, int ms)
{
	struct pollfd p = { .fd = udp, .events = POLLIN };
	int64_t end = ms_now() + ms, left;
	struct xrpc_cursor c;
	int more;

	while ((left = end - ms_now()) >= 0 && poll(&p, 1, left) == 1) {
		in_len = recv(udp, in, sizeof(in), 0);
		if (in_len < 0 || xrpc_wire_check(in, in_len, XRPC_MSG_MAX))
			return NULL;
		for (more = xrpc_wire_first(&c, in, in_len); more > 0;
		     more = xrpc_wire_next(&c)) {
			if (c.type == type)
				return c.frame;
		}
	}
	return NULL;
}

static bool status_comes(uint16_t chan, uint32_t seq, uint8_t code, int ms)
{
	const struct xrpc_status *s = rx(XRPC_FT_STATUS, ms);

	return s && be16toh(s->chan) == chan && be32toh(s->seq) == seq &&
	       s->code == code;
}

/* The server's application receives this one, and answers it. */
static bool runs(char want)
{
	struct pollfd p = { .fd = srv, .events = POLLIN };
	struct sockaddr_xrpc from;
	char c = 0;

	if (poll(&p, 1, 100) != 1 ||
	    get_request(srv, &c, 1, &from) != 1)
		return false;
	return c == want && give_answer(srv, &c, 1, &from) == 1;
}

static bool nothing_runs(void)
{
	struct pollfd p = { .fd = srv, .events = POLLIN };

	return !poll(&p, 1, 50);
}

static bool get_token(void)
{
	const struct xrpc_token_frame *t;
	struct xrpc_token_req *r;

	begin(0, 0);
	r = frame(XRPC_FT_TOKEN_REQ, 0, sizeof(*r));
	xrpc_put64(r->client_id, client_id);
	frame(XRPC_FT_PAD, 0, 8);
	tx();
	t = rx(XRPC_FT_TOKEN, 100);
	if (!t)
		return false;
	token = t->token;
	epoch = xrpc_get64(t->epoch);
	return true;
}

static void test_open_first(void)
{
	begin(XRPC_HF_OPENING, 0);
	frame(XRPC_FT_SKIPPABLE, 0, 4);
	put_open();
	put_data(0, 1, 'a');
	tx();
	ok(!rx(XRPC_FT_TOKEN, 50) && nothing_runs(),
	   "OPEN behind another frame, even one to be skipped, is dropped");
}

static void test_sequences(void)
{
	const struct xrpc_accept *a;

	begin(XRPC_HF_OPENING, 0);
	put_open();
	put_data(0, 0x80000001, 'b');
	tx();
	ok(runs('b'), "any sequence may be a channel's first");
	a = rx(XRPC_FT_ACCEPT, 50);
	server_id = a ? xrpc_get64(a->server_id) : 0;

	begin(0, server_id);
	put_data(0, 5, 'c');
	tx();
	ok(nothing_runs(), "a smaller one is older");
	begin(0, server_id);
	put_data(0, 0xffffffff, 'd');
	tx();
	ok(runs('d'), "the last one of all is newer");
	begin(0, server_id);
	put_ref(XRPC_FT_PROBE, 1, 0x90000000);
	tx();
	ok(status_comes(1, 0x90000000, XRPC_ST_NOCALL, 50),
	   "a probe on a fresh channel finds no call");
	begin(0, server_id);
	put_ref(XRPC_FT_CANCEL, 1, 0x90000000);
	tx();
	ok(status_comes(1, 0x90000000, XRPC_ST_CANCELED, 50),
	   "a cancel there is recorded");
	begin(0, server_id);
	put_data(1, 0x90000000, 'e');
	tx();
	ok(status_comes(1, 0x90000000, XRPC_ST_CANCELED, 50) && nothing_runs(),
	   "and the request it outran does not run");
}

static void test_rest_never_comes(void)
{
	struct xrpc_data *d;
	int i;

	begin(0, server_id);
	d = frame(XRPC_FT_DATA, XRPC_DF_TOTAL, sizeof(*d) + 8 + 300);
	d->chan = htobe16(7);
	d->seq = htobe32(1);
	xrpc_put64((__be32 *)(d + 1), 1000);
	tx();
	ok(!status_comes(7, 1, XRPC_ST_EXPIRED, 9000),
	   "the rest of a request is awaited");
	ok(status_comes(7, 1, XRPC_ST_EXPIRED, 3000),
	   "but for 10 s only: then it is refused");
	for (i = 0; i < 2; i++) {
		begin(0, server_id);
		d = frame(XRPC_FT_DATA, XRPC_DF_TOTAL, sizeof(*d) + 8 + 300);
		d->chan = htobe16(7);
		d->seq = htobe32(1);
		xrpc_put64((__be32 *)(d + 1), 1000);
		tx();
		ok(status_comes(7, 1, XRPC_ST_EXPIRED, 100),
		   "what comes later gets the same verdict");
	}
}

int main(void)
{
	tap_begin();
	srv = server_at(at("127.0.0.1", PORT, SERVICE));
	udp = socket(AF_INET, SOCK_DGRAM, 0);
	to_srv.sin_family = AF_INET;
	to_srv.sin_port = htons(PORT);
	to_srv.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (!ok(get_token(), "a token"))
		return tap_end();
	test_open_first();
	test_sequences();
	test_rest_never_comes();
	return tap_end();
}
