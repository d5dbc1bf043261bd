// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=3000
 *
 * A scripted client: packets that are malformed, of another version, cut off,
 * or contradict themselves; messages of many segments; numbers that wrap.
 */
#include "scripted.h"

#define PORT		4110
#define ID(n)		(0x2233445566770000ULL + (n))

static char msg[XRPC_MSG_MAX + 1];

/* Each is dropped and counted, none runs. */
static unsigned int bad_n;
static uint64_t bad_before, version_before;

static void bad_begin(void)
{
	bad_n = 0;
	bad_before = counter("DropMalformed");
	version_before = counter("DropVersion");
}

static void bad(void)
{
	tx_untaken();
	bad_n++;
}

static bool bad_end(void)
{
	return counter("DropMalformed") == bad_before + bad_n && idle() &&
	       silent();
}

static struct xrpc_hdr *hdr(void)
{
	return (void *)out.b;
}

/* The packet that all of these are made of would run. */
static struct xrpc_data *good(void)
{
	begin(0, peer_id);
	return put_data(&out, 20, 1, "bad");
}

/* ---- headers --------------------------------------------------------- */

static void test_headers(void)
{
	unsigned int i;

	bad_begin();
	for (i = 0; i < 16; i++) {
		good();
		hdr()->vfk = i << 4;
		if (i != XRPC_WIRE_VERSION >> 4)
			bad();
		else
			next_pn--;
	}
	ok(counter("DropVersion") == version_before + 15 && idle() && silent(),
	   "any other version is dropped");
	good();
	hdr()->vfk |= XRPC_WIRE_FORM_GROUP;
	bad();
	good();
	hdr()->vfk |= XRPC_WIRE_KEY_PHASE;
	bad();
	ok(counter("DropVersion") == version_before + 17 && idle() && silent(),
	   "so are the group form and another key phase");

	bad_begin();
	for (i = 0; i < 2; i++) {
		good();
		hdr()->vfk |= 1 << i;
		bad();
	}
	ok(bad_end(), "reserved bits of the first byte");
	for (i = 2; i < 8; i++) {
		good();
		hdr()->flags |= 1 << i;
		bad();
	}
	ok(bad_end(), "unknown flags of a header");
	for (i = 0; i < 16; i++) {
		good();
		hdr()->reserved = htobe16(1 << i);
		bad();
	}
	ok(bad_end(), "reserved bits of a header");
}

/* ---- frames ---------------------------------------------------------- */

/* A frame alone, or with what must stand before it. */
static void *lone(uint8_t type, size_t len)
{
	if (type == XRPC_FT_OPEN) {
		begin(XRPC_HF_OPENING, 0);
		return put_open(&out, &token, ID(99));
	}
	begin(0, type == XRPC_FT_TOKEN_REQ || type == XRPC_FT_NOSESSION ?
	      0 : peer_id);
	return frame(&out, type, 0, len);
}

static const struct {
	uint8_t type;
	uint16_t len;		/* the shortest */
	uint8_t flags;		/* known */
	uint8_t step;		/* 0: exactly that long */
	uint8_t reserved[3];	/* bytes that are, 0: no more */
} frames[] = {
	{ XRPC_FT_PAD, 4, 0, 1, {} },
	{ XRPC_FT_DATA, 16, XRPC_DF_KNOWN, 1, {} },
	{ XRPC_FT_ACK, 12, 0, 8, {} },
	{ XRPC_FT_DONE, 12, 0, 8, { 6, 7 } },
	{ XRPC_FT_OPEN, 48, XRPC_OF_NO_TOKEN, 0, {} },
	{ XRPC_FT_ACCEPT, 36, 0, 0, { 34, 35 } },
	{ XRPC_FT_TOKEN_REQ, 32, 0, 0, { 4, 7 } },
	{ XRPC_FT_TOKEN, 40, XRPC_TF_RETRY | XRPC_TF_ALIVE, 0, { 4, 7 } },
	{ XRPC_FT_NOSESSION, 16, 0, 0, {} },
	{ XRPC_FT_STATUS, 12, 0, 0, { 7 } },
	{ XRPC_FT_PROBE, 12, 0, 0, { 6, 7 } },
	{ XRPC_FT_CANCEL, 12, 0, 0, { 6, 7 } },
	{ XRPC_FT_CLOSE, 8, 0, 0, {} },
	{ XRPC_FT_CREDIT, 16, 0, 0, { 4, 7 } },
};

#define N_FRAMES (sizeof(frames) / sizeof(frames[0]))

static void test_unknown_frames(void)
{
	unsigned int i, ran = 0;

	bad_begin();
	for (i = XRPC_FT_CREDIT + 1; i < XRPC_FT_SKIPPABLE; i++) {
		begin(0, peer_id);
		frame(&out, i, 0, 8);
		put_data(&out, 20, 1, "bad");
		bad();
		good();
		frame(&out, i, 0, 4);
		bad();
	}
	ok(bad_end(), "an unknown frame below 0x80 drops its packet (%u)",
	   bad_n);
	for (i = XRPC_FT_SKIPPABLE; i < 256; i++) {
		begin(0, peer_id);
		frame(&out, i, 0xff, 4 + i % 9);
		put_data(&out, 20, i, "skip");
		frame(&out, i, 0xff, 8);
		tx();
		ran += executed("skip") && answer("s") && reply(20, i, "s");
	}
	ok(ran == 128, "one from 0x80 on is skipped, the rest counts (%u)", ran);
	done(20, 255);
}

static void test_frame_rules(void)
{
	struct xrpc_fhdr *f;
	unsigned int i, j;

	bad_begin();
	for (i = 0; i < N_FRAMES; i++) {
		for (j = 0; j < 8; j++) {
			if (frames[i].flags & 1 << j)
				continue;
			f = lone(frames[i].type, frames[i].len);
			f->flags |= 1 << j;
			bad();
		}
	}
	ok(bad_end(), "unknown flags of every frame (%u)", bad_n);

	bad_begin();
	for (i = 0; i < N_FRAMES; i++) {
		f = lone(frames[i].type, frames[i].len);
		f->len = htobe16(frames[i].len - 1);
		out.len--;
		bad();
		if (frames[i].step == 1)
			continue;
		f = lone(frames[i].type, frames[i].len);
		f->len = htobe16(frames[i].len + 4);
		put_pad(&out, 4);
		bad();
	}
	ok(bad_end(), "every frame too short, or longer than it may be (%u)",
	   bad_n);
	bad_begin();
	for (i = 0; i < N_FRAMES; i++) {
		f = lone(frames[i].type, frames[i].len);
		f->len = htobe16(frames[i].len + (frames[i].step ? : 4));
		bad();
	}
	lone(XRPC_FT_ACK, 4 + 8 * (XRPC_ACK_RANGES_MAX + 1));
	bad();
	lone(XRPC_FT_DONE, 4 + 8 * (XRPC_DONE_MAX + 1));
	bad();
	ok(bad_end(), "or than the packet, or than the most it may hold (%u)",
	   bad_n);
	bad_begin();
	for (i = 0; i < N_FRAMES; i++) {
		for (j = 0; j < 3 && frames[i].reserved[j]; j++) {
			f = lone(frames[i].type, frames[i].len);
			((uint8_t *)f)[frames[i].reserved[j]] = 1 << j;
			bad();
		}
	}
	ok(bad_end(), "reserved bits of every frame (%u)", bad_n);

	bad_begin();
	begin(0, peer_id);
	bad();
	ok(bad_end(), "no frame at all");
	for (i = 1; i < 4; i++) {
		begin(0, peer_id);
		put_data(&out, 20, 1, "four");
		out.len += i;
		bad();
	}
	ok(bad_end(), "bytes behind the last frame that are none");
	for (i = 0; i < 4; i++) {
		good();
		f = frame(&out, XRPC_FT_PAD, 0, 8);
		f->len = htobe16(i);
		bad();
	}
	ok(bad_end(), "frames shorter than their header");
}

static void test_places(void)
{
	uint8_t t;

	bad_begin();
	good();
	hdr()->flags = XRPC_HF_OPENING;
	bad();
	good();
	hdr()->flags = XRPC_HF_OPENING;
	memset(hdr()->id, 0, 8);
	bad();
	begin(0, peer_id);
	put_open(&out, &token, ID(98));
	put_data(&out, 20, 1, "bad");
	bad();
	begin(XRPC_HF_OPENING, 0);
	put_data(&out, 20, 1, "bad");
	put_open(&out, &token, ID(98));
	bad();
	begin(XRPC_HF_OPENING, 0);
	put_pad(&out, 4);
	put_open(&out, &token, ID(98));
	bad();
	begin(XRPC_HF_OPENING, 0);
	put_open(&out, &token, ID(98));
	put_open(&out, &token, ID(97));
	bad();
	ok(bad_end(), "OPEN where it does not belong, and not where it does");
	for (t = XRPC_FT_TOKEN_REQ; t <= XRPC_FT_NOSESSION; t++) {
		begin(0, peer_id);
		put_data(&out, 20, 1, "bad");
		frame(&out, t, 0, t == XRPC_FT_TOKEN_REQ ? 32 :
				  t == XRPC_FT_TOKEN ? 40 : 16);
		bad();
		lone(t, t == XRPC_FT_TOKEN_REQ ? 32 : t == XRPC_FT_TOKEN ? 40 :
		     16);
		put_data(&out, 20, 1, "bad");
		bad();
	}
	ok(bad_end(), "what belongs to no session, beside what does");
}

/* What a client may not say has no effect, nor what is for clients. */
static void test_wrong_side(void)
{
	begin(0, peer_id);
	put_accept(&out, 1, 2, 3);
	put_status(&out, 20, 1, XRPC_ST_CANCELED);
	put_data(&out, 20, 256, "kept");
	tx();
	ok(executed("kept") && answer("k") && reply(20, 256, "k"),
	   "ACCEPT and STATUS mean nothing to a server");
	begin(0, peer_id);
	frame(&out, XRPC_FT_TOKEN, 0, 40);
	tx_untaken();
	begin(0, 0);
	put_data(&out, 20, 257, "none");
	tx_untaken();
	ok(silent() && idle(), "nor do a token, or a request without an id");
	begin(0, peer_id);
	frame(&out, XRPC_FT_CREDIT, 0, 16);
	put_data(&out, 20, 257, "credit");
	tx();
	ok(executed("credit") && answer("k") && reply(20, 257, "k"),
	   "credit is taken");
	done(20, 257);
}

static void test_cut(void)
{
	struct xrpc_data *d;
	struct pkt whole;
	unsigned int cut;
	int one = 1;
	uint64_t before;

	begin(0, peer_id);
	put_done(&out, 20, 9);
	d = frame(&out, XRPC_FT_DATA, XRPC_DF_EOM | XRPC_DF_EOH |
		  XRPC_DF_METHOD | XRPC_DF_TOTAL, sizeof(*d) + 16 + 5);
	d->chan = htobe16(22);
	d->seq = htobe32(1);
	((struct xrpc_data_method *)(d + 1))->deadline =
		htobe32(XRPC_NO_DEADLINE);
	xrpc_put64((__be32 *)(d + 1) + 2, 5);
	memcpy((char *)(d + 1) + 16, "whole", 5);
	whole = out;
	bad_begin();
	for (cut = 0; cut < whole.len; cut++) {
		out = whole;
		out.len = cut;
		next_pn++;
		/* what ends with a frame is a whole packet */
		if (cut == 24 + 12)
			next_pn--;
		else
			bad();
	}
	next_pn--;
	ok(bad_end() && bad_n == whole.len - 1, "cut off anywhere (%u)", bad_n);
	next_pn++;
	out = whole;
	tx();
	ok(executed("whole") && answer("w") && reply(22, 1, "w"), "whole it runs");
	done(22, 1);

	before = counter("DropChecksum");
	setsockopt(udp, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one));
	good();
	tx_untaken();
	one = 0;
	setsockopt(udp, SOL_SOCKET, SO_NO_CHECK, &one, sizeof(one));
	ok(idle() && counter("DropChecksum") == before + 1,
	   "without UDP checksum it does not");
}

/* ---- DATA ------------------------------------------------------------ */

static struct xrpc_data *part(size_t total, size_t off, size_t len)
{
	begin(0, peer_id);
	return put_part(&out, 20, 300, msg, total, off, len);
}

static void put_total(struct xrpc_data *d, uint64_t total)
{
	xrpc_put64((__be32 *)(d + 1), total);
}

static void test_data(void)
{
	struct xrpc_data *d;

	bad_begin();
	good()->msg = htobe16(1);
	bad();
	good()->seq = 0;
	bad();
	good()->off = htobe32(1);
	bad();
	good()->h.flags = 0;
	bad();
	good()->h.flags = XRPC_DF_EOM;
	bad();
	good()->h.flags = XRPC_DF_EOH;
	bad();
	ok(bad_end(), "a message number, no sequence, an offset, no end");
	bad_begin();
	begin(0, peer_id);
	d = put_data(&out, 20, 1, "1234567");
	d->h.flags |= XRPC_DF_METHOD;
	bad();
	begin(0, peer_id);
	d = put_data(&out, 20, 1, "1234567");
	d->h.flags |= XRPC_DF_TOTAL;
	bad();
	ok(bad_end(), "no room for the words that it says it has");
	bad_begin();
	part(4096, 0, 255);
	bad();
	part(4096, 1024, 1);
	bad();
	part(4096, 1024, 0);
	bad();
	ok(bad_end(), "crumbs");
	bad_begin();
	put_total(part(4096, 0, 512), XRPC_MSG_MAX + 1);
	bad();
	put_total(part(4096, 0, 512), 1ULL << 32);
	bad();
	put_total(part(4096, 0, 512), ~0ULL);
	bad();
	ok(bad_end(), "messages too long");
	bad_begin();
	part(4096, 3584, 512)->off = htobe32(3585);
	bad();
	part(4096, 3584, 512)->off = htobe32(4096);
	bad();
	part(4096, 3584, 512)->off = htobe32(0xfffffe00);
	bad();
	part(4096, 3584, 512)->h.flags &= ~XRPC_DF_EOM;
	bad();
	part(4096, 3584, 512)->h.flags &= ~(XRPC_DF_EOM | XRPC_DF_EOH);
	bad();
	part(4096, 0, 512)->h.flags |= XRPC_DF_EOM | XRPC_DF_EOH;
	bad();
	put_total(part(4096, 0, 512), 511);
	bad();
	ok(bad_end(), "offset, length, total and end that contradict each other");
}

/* ---- messages of many segments --------------------------------------- */

static bool segment(uint32_t seq, size_t total, size_t off, size_t len)
{
	begin(0, peer_id);
	put_part(&out, 21, seq, msg, total, off, len);
	tx();
	flush();
	return true;
}

static void test_segments(void)
{
	static const int order[][2] = {
		{ 3072, 1024 }, { 1024, 1024 }, { 1024, 1024 }, { 512, 1024 },
		{ 2048, 1024 }, { 2048, 1024 }, { 0, 1024 },
	};
	struct xrpc_data *d;
	unsigned int i, early = 0;
	char save;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		early += !idle();
		segment(1, 4096, order[i][0], order[i][1]);
	}
	ok(!early && executed_at(srv, msg, 4096),
	   "out of order, twice, overlapping: put together");
	answer("s");
	ok(rx(100) && has_data(21, 1, "s"), "it is answered");
	begin(0, peer_id);
	put_part(&out, 21, 1, msg, 4096, 0, 1024);
	tx();
	ok(rx(100) && has_data(21, 1, "s") && idle(),
	   "a segment of it again gets the reply again");

	/* a duplicate of what arrives: what is here is told at once */
	begin(0, peer_id);
	put_part(&out, 21, 2, msg, 4096, 0, 1024);
	tx();
	expect();
	put_acks(&want, 8);
	ok(answered() && in.len == 24 + 12,
	   "an unfinished message is acknowledged after the delay");
	begin(0, peer_id);
	put_part(&out, 21, 2, msg, 4096, 0, 1024);
	tx();
	expect();
	put_acks(&want, 8);
	ok(rx(0) && same(), "a segment of it again at once");
	/* one that says something else of the message */
	begin(0, peer_id);
	put_part(&out, 21, 2, msg, 4097, 1024, 1024);
	tx_untaken();
	next_pn++;
	begin(XRPC_HF_ACK_NOW, peer_id);
	put_data(&out, 21, 2, "short");
	tx();
	expect();
	put_acks(&want, 8);
	ok(rx(0) && same(), "one that contradicts it is not acknowledged");
	save = msg[600];
	msg[600] ^= 1;
	segment(2, 4096, 512, 1024);
	msg[600] = save;
	segment(2, 4096, 1536, 1024);
	ok(idle(), "nor is the message whole");
	segment(2, 4096, 2560, 1536);
	executed_at(srv, msg, 4096);
	ok(req_len == 4096 && (req[600] == save || req[600] == (save ^ 1)) &&
	   !memcmp(req, msg, 600) && !memcmp(req + 601, msg + 601, 4096 - 601),
	   "of bytes that come twice and differ one is taken");
	answer("s");
	flush();
	done(21, 2);

	/* the method may stand in any of them */
	segment(3, 4096, 0, 1024);
	begin(0, peer_id);
	d = frame(&out, XRPC_FT_DATA, XRPC_DF_TOTAL | XRPC_DF_METHOD |
		  XRPC_DF_EOM | XRPC_DF_EOH, sizeof(*d) + 16 + 3072);
	d->chan = htobe16(21);
	d->seq = htobe32(3);
	d->off = htobe32(1024);
	((struct xrpc_data_method *)(d + 1))->method = htobe32(77);
	((struct xrpc_data_method *)(d + 1))->deadline =
		htobe32(XRPC_NO_DEADLINE);
	xrpc_put64((__be32 *)(d + 1) + 2, 4096);
	memcpy((char *)(d + 1) + 16, msg + 1024, 3072);
	tx();
	ok(executed_at(srv, msg, 4096), "a message with a method in its end");
	answer("s");
	flush();
	done(21, 3);
}

static void test_long(void)
{
	unsigned int i, early = 0;

	for (i = 0; i < 256; i++)
		segment(4, XRPC_MSG_MAX, XRPC_MSG_MAX - (i + 1) * 256, 256);
	ok(executed_at(srv, msg, XRPC_MSG_MAX),
	   "the longest message, in the shortest segments, backwards");
	answer("l");
	flush();
	done(21, 4);

	/* more pieces than are kept track of: the rest is not taken */
	for (i = 0; i < 256; i += 2) {
		begin(0, peer_id);
		put_part(&out, 21, 5, msg, XRPC_MSG_MAX, i * 256, 256);
		tx();
		if (i >= 64)
			noted[(next_pn - 1) & 0xffff] = 0;
		flush();
	}
	begin(XRPC_HF_ACK_NOW, peer_id);
	put_pad(&out, 4);
	tx();
	expect();
	put_acks(&want, 8);
	ok(answered() && idle(),
	   "more pieces than are kept track of are not acknowledged");
	for (i = 0; i < 256; i++) {
		early += !idle();
		segment(5, XRPC_MSG_MAX, i * 256, 256);
	}
	ok(executed_at(srv, msg, XRPC_MSG_MAX) && !early,
	   "sent again they make the message whole");
	answer("l");
	flush();
	done(21, 5);
	begin(0, peer_id);
	put_data_flags(&out, 0, 21, 6, msg, 65000);
	tx();
	ok(executed_at(srv, msg, 65000), "a packet as long as UDP's may be");
	answer("l");
	flush();
	done(21, 6);
}

/* ---- numbers --------------------------------------------------------- */

static bool ran(uint16_t chan, uint32_t seq)
{
	request(chan, seq, "seq");
	if (!executed("seq"))
		return false;
	answer("s");
	flush();
	return true;
}

static void test_sequences(void)
{
	ok(ran(30, 0x7fffffff) && ran(30, 0xfffffffe),
	   "a sequence may be skipped, however many");
	ok(!ran(30, 0x80000000), "what was skipped does not run any more");
	ok(ran(30, 0xffffffff), "the last sequence runs");
	flush();
	ok(!ran(30, 1) && !ran(30, 2) && !ran(30, 0x7fffffff),
	   "after it nothing does: what ran would run again");
	begin(0, peer_id);
	put_ref(&out, XRPC_FT_CANCEL, 30, 1);
	tx();
	begin(0, peer_id);
	put_ref(&out, XRPC_FT_PROBE, 30, 1);
	tx();
	flush();
	request(30, 0xffffffff, "seq");
	ok(rx(100) && has_data(30, 0xffffffff, "s") && idle(),
	   "and the last one has its reply still");
	done(30, 0xffffffff);
	ok(ran(31, 0xffffffff) && !ran(31, 0xfffffffe),
	   "a channel may begin with its last");
	done(31, 0xffffffff);
	request(1023, 1, "last");
	ok(executed("last") && answer("l") && reply(1023, 1, "l"),
	   "the last channel there is");
	done(1023, 1);
	begin(0, peer_id);
	put_data(&out, 1024, 1, "beyond");
	tx_untaken();
	begin(0, peer_id);
	put_data(&out, 65535, 1, "beyond");
	tx_untaken();
	ok(silent() && idle(), "none beyond it");
	close_session();
}

static void test_packet_numbers(void)
{
	const struct xrpc_accept *a = (const void *)none;
	struct pkt old;

	fresh(ID(2));
	next_pn = 0xfffffffd;
	opening();
	put_data(&out, 0, 1, "a");
	tx();
	executed("a");
	answer("A");
	ok(rx(100) && want_frame(a, XRPC_FT_ACCEPT) && has_data(0, 1, "A"),
	   "a session whose packet numbers begin high");
	peer_id = xrpc_get64(a->server_id);
	request(0, 2, "b");
	ok(executed("b") && answer("B") && reply(0, 2, "B"), "goes on");
	request(0, 3, "c");
	ok(executed("c") && answer("C") && reply(0, 3, "C") &&
	   in_hdr()->echo == htobe32(0xffffffff),
	   "to the last number of 32 bits");
	ok(next_pn == 0x100000000ULL && call(0, 4, "d"), "and past it");
	request(0, 5, "e");
	ok(executed("e") && answer("E") && reply(0, 5, "E") &&
	   in_hdr()->echo == htobe32(2), "whose echo is the low half");
	old = out;
	tx_from(udp);
	ok(silent(), "a number again after that is a duplicate");
	begin(XRPC_HF_ACK_NOW, peer_id);
	put_pad(&out, 4);
	tx();
	expect();
	put_range(&want, 0xfffffffd, 3);
	ok(answered(), "a range of acknowledgements may wrap");
	/* an older one that is new: the nearest number with that low half */
	next_pn = 0xfffffffc;
	begin(0, peer_id);
	put_ref(&out, XRPC_FT_PROBE, 0, 6);
	tx();
	expect();
	put_status(&want, 0, 6, XRPC_ST_NOCALL);
	put_range(&want, 0xfffffffc, 3);
	ok(answered(), "one from before it that comes late is one of before");
	out = old;
	next_pn = 0x100000004ULL;
	close_session();
}

int main(void)
{
	unsigned int i;

	tap_begin();
	for (i = 0; i < XRPC_MSG_MAX; i++)
		msg[i] = 'A' + i * 7 % 26;
	srv = server_at(at("127.0.0.1", PORT, SERVICE));
	udp_at(&udp, "127.0.0.1", 0);
	aim("127.0.0.1", PORT);
	ok(open_session(ID(1)), "a session");
	done(0, 2);
	flush();

	test_headers();
	test_unknown_frames();
	test_frame_rules();
	test_places();
	test_wrong_side();
	test_cut();
	test_data();
	test_segments();
	test_long();
	test_sequences();
	test_packet_numbers();
	ok(!numbers_wrong, "packet numbers were used once each, in order");
	return tap_end();
}
