// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=3000
 *
 * A scripted server: what a client sends it, byte for byte, and what it makes
 * of answers: how its calls end, and with which errno.
 */
#include "scripted_server.h"

/* ---- tokens and opening ---------------------------------------------- */

static void test_token(void)
{
	const struct xrpc_token_req *r = (const void *)none;
	uint64_t last, gap, gap_before = 0;
	unsigned int n = 0, shrunk = 0, i;
	int other;

	new_client(false);
	call_out("q", 1, 0, 0);
	ok(rx(100) && want_frame(r, XRPC_FT_TOKEN_REQ),
	   "a client asks for a token first");
	fresh(xrpc_get64(r->client_id));
	next_seq(0);
	header(&want, 0, 0, 0);
	put_token_req(&want, our_id, 0, 0);
	put_pad(&want, 8);
	ok(same() && our_id, "with its id, padded to the answer's size");
	peer_pn = 1;
	last = now_ms();
	while (n < 4 && rx(3000)) {
		header(&want, 0, peer_pn - 1, 0);
		put_token_req(&want, our_id, 0, 0);
		put_pad(&want, 8);
		gap = now_ms() - last;
		shrunk += gap + 1 < gap_before || !same();
		gap_before = gap;
		last = now_ms();
		n++;
	}
	ok(n == 4 && !shrunk, "again and ever more seldom when nothing comes");

	/* none of these is an answer */
	our_id ^= 1;
	send_token(0, 1, 0, 0);
	our_id ^= 1;
	send_token(0, peer_pn, 0, 0);
	send_token(0, 0x80000000, 0, 0);
	udp_at(&other, "127.0.0.1", 0);
	make_token(0, peer_pn - 1, 0, 0);
	tx_from(other);
	close(other);
	udp_at(&other, "127.0.0.9", port_of(udp));
	tx_from(other);
	close(other);
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 16);
	put_data(&out, 0, 1, "no");
	tx_untaken();
	begin(0, our_id);
	put_status(&out, 0, 1, XRPC_ST_REFUSED);
	tx_untaken();
	ok(!rx(0) && nothing(), "nonsense, and what others send, is no token");

	send_token(0, peer_pn - 1, 0, 0);
	send_token(0, peer_pn - 1, 0, 0);
	expect_opening();
	put_data(&want, 0, 1, "q");
	ok(answered(), "a token is: it opens, with the request");
	ok(!rx(0), "once");
	ok(rx(2000), "it comes again when nothing comes");
	peer_pn--;
	expect_opening();
	put_data(&want, 0, 1, "q");
	ok(same(), "the same but for its number");
	peer_pn++;

	for (i = 0; i < 20; i++)
		send_token(XRPC_TF_RETRY, peer_pn - 1, 0, 0);
	ok(!rx(0), "RETRY with the token it has means nothing");
	the_token.w[1] = htobe32(99);
	for (i = 0; i < 20; i++)
		send_token(XRPC_TF_RETRY, peer_pn - 1, 300000000, 0);
	expect_opening();
	put_data(&want, 0, 1, "q");
	ok(rx(0) && same() && !rx(0), "one with another: again with that");
	the_token.w[1] = htobe32(98);
	send_token(0, peer_pn - 1, 0, 0);
	the_token.w[1] = htobe32(99);
	ok(!rx(0), "a token that it did not ask for means nothing");
}

static void test_accept(void)
{
	begin(0, our_id);
	put_accept(&out, 0, EPOCH, 16);
	tx();
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 0);
	tx();
	while (!rx(3000))
		;
	ok(in_hdr()->flags & XRPC_HF_OPENING && find(XRPC_FT_OPEN),
	   "ACCEPT without an id, or without channels, means nothing");
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 16);
	put_data(&out, 0, 1, "yes");
	tx();
	begin(0, our_id);
	put_accept(&out, SID + 1, EPOCH, 16);
	tx();
	ok(ended(1, XRPC_REPLIED, 0, "yes"), "a right one and the reply");
	ok(rx(15), "it acknowledges the reply");
	expect_last(0);
	put_done(&want, 0, 1);
	put_acks(&want, 8);
	ok(same(), "by DONE within its delay, to the first id it was told");

	begin(0, our_id);
	put_data(&out, 0, 1, "yes");
	tx();
	expect_client(0);
	put_done(&want, 0, 1);
	put_acks(&want, 8);
	ok(rx(0) && same() && nothing(),
	   "and again when it comes again, which is given once");
	begin(0, our_id);
	put_data(&out, 0, 2, "no");
	tx();
	begin(0, our_id);
	put_data(&out, 1, 1, "no");
	tx();
	ok(nothing(), "a reply to a call not made is dropped");
	flush();
}

static void test_deadline_words(void)
{
	struct xrpc_data_method *m = NULL;
	const struct xrpc_data *d;
	uint32_t left[2] = {};
	unsigned int i;

	next_seq(0);
	call_out("d", 2, 800000, 7);
	for (i = 0; i < 2 && rx(1000); i++) {
		if (!want_frame(d, XRPC_FT_DATA))
			break;
		m = (void *)(d + 1);
		expect_last(0);
		put_method(&want, 0, 2, 7, be32toh(m->deadline), "d");
		left[i] = same() ? be32toh(m->deadline) : 0;
	}
	ok(i == 2 && left[0] <= 800000 && left[0] > 790000 &&
	   left[1] < left[0], "method and what is left of the deadline go with "
	   "it, 48 bytes (%u, then %u us)", left[0], left[1]);
	answer_call(0, 2, "D");
	ok(ended(2, XRPC_REPLIED, 0, "D"), "the lowest free channel again");
	settle();
}

/* ---- replies --------------------------------------------------------- */

static void test_replies(void)
{
	char text[4] = "a";
	unsigned int i;
	bool good = true;

	for (i = 0; i < 5; i++) {
		text[0] = 'a' + i;
		call_out(text, 10 + i, 0, 0);
		good = request_is(i, next_seq(i), text) && good;
	}
	ok(good, "calls at once go on the lowest channels");
	for (i = 0; i < 5; i++) {
		text[0] = 'A' + (3 * i + 2) % 5;
		answer_call((3 * i + 2) % 5, seq[(3 * i + 2) % 5], text);
	}
	for (i = 0, good = true; i < 5; i++) {
		text[0] = 'A' + (3 * i + 2) % 5;
		good = ended(10 + (3 * i + 2) % 5, XRPC_REPLIED, 0, text) && good;
	}
	ok(good, "replies in any order come to their calls");
	ok(rx(15), "one packet");
	expect_last(0);
	{
		struct xrpc_fhdr *f = frame(&want, XRPC_FT_DONE, 0, 4 + 8 * 5);
		struct xrpc_done *d = (void *)(f + 1);

		for (i = 0; i < 5; i++) {
			d[i].chan = htobe16(i);
			d[i].seq = htobe32(seq[i]);
		}
	}
	put_acks(&want, 8);
	ok(same() && !rx(100), "acknowledges them all");

	call_out("n", 20, 0, 0);
	request_is(0, next_seq(0), "n");
	answer_call(0, seq[0], "N");
	ended(20, XRPC_REPLIED, 0, "N");
	call_out("m", 21, 0, 0);
	ok(request_is(0, next_seq(0), "m") && in.len == 41,
	   "the channel's next request acknowledges its reply");
	ok(!rx(15), "nothing else does then");
	answer_call(0, seq[0], "M");
	ok(ended(21, XRPC_REPLIED, 0, "M"), "so it goes on");
	settle();
}

static void part(const char *text, size_t total, size_t off, size_t len)
{
	begin(0, our_id);
	put_part(&out, 0, seq[0], text, total, off, len);
	tx();
}

static void test_long_replies(void)
{
	static char text[4097];
	unsigned int i;

	for (i = 0; i < 4096; i++)
		text[i] = 'a' + i * 5 % 26;
	call_out("l", 30, 0, 0);
	request_is(0, next_seq(0), "l");
	part(text, 4096, 3072, 1024);
	part(text, 4096, 1024, 1024);
	part(text, 4096, 1024, 1024);
	part(text, 4096, 512, 1024);
	/* of another length, or whole: contradicts what is here */
	begin(0, our_id);
	put_part(&out, 0, seq[0], text, 4095, 2048, 1024);
	tx_untaken();
	begin(0, our_id);
	put_data(&out, 0, seq[0], "short");
	tx();
	part(text, 4096, 2048, 1024);
	ok(nothing(), "a long reply is not given in parts");
	part(text, 4096, 0, 1024);
	ok(ended(30, XRPC_REPLIED, 0, text),
	   "out of order, twice, overlapping: put together");
	settle();

	call_out("e", 31, 0, 0);
	request_is(0, next_seq(0), "e");
	part("whole", 5, 0, 5);
	ok(ended(31, XRPC_REPLIED, 0, "whole"), "a whole reply that says a total");
	call_out("e", 32, 0, 0);
	request_is(0, next_seq(0), "e");
	part("", 0, 0, 0);
	ok(ended(32, XRPC_REPLIED, 0, ""), "and an empty one");
	settle();

	/* what is missing is asked for */
	call_out("s", 33, 0, 0);
	request_is(0, next_seq(0), "s");
	part(text, 4096, 0, 1024);
	ok(rx(15) && find(XRPC_FT_ACK) && !find(XRPC_FT_DONE),
	   "a part of a reply is acknowledged");
	ok(rx(1500), "and what does not follow asked for");
	expect_last(XRPC_HF_ACK_NOW);
	put_question(XRPC_FT_PROBE, 0, seq[0]);
	ok(same(), "by a probe");
	part(text, 4096, 1024, 3072);
	ok(ended(33, XRPC_REPLIED, 0, text), "then it is whole");
	settle();
}

/* ---- the server's word ----------------------------------------------- */

static void test_status(void)
{
	static const struct {
		uint8_t code, outcome;
		int error;
		const char *name;
	} codes[] = {
		{ XRPC_ST_BUSY, XRPC_NOT_EXECUTED, EBUSY, "BUSY" },
		{ XRPC_ST_REFUSED, XRPC_NOT_EXECUTED, ECONNREFUSED, "REFUSED" },
		{ XRPC_ST_DRAINING, XRPC_NOT_EXECUTED, ESHUTDOWN, "DRAINING" },
		{ XRPC_ST_EXPIRED, XRPC_NOT_EXECUTED, ETIME, "EXPIRED" },
		{ XRPC_ST_CANCELED, XRPC_NOT_EXECUTED, ECANCELED, "CANCELED" },
		{ XRPC_ST_ABORTED, XRPC_UNKNOWN, ECONNRESET, "ABORTED" },
		{ XRPC_ST_DROPPED, XRPC_UNKNOWN, ECONNRESET, "DROPPED" },
		{ XRPC_ST_DETACHED, XRPC_UNKNOWN, ECONNRESET, "DETACHED" },
	};
	unsigned int i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		call_out("s", 40 + i, 0, 0);
		request_is(0, next_seq(0), "s");
		send_status(0, seq[0] + 1, codes[i].code);
		send_status(0, seq[0] - 1, codes[i].code);
		send_status(1, seq[0], codes[i].code);
		send_status(999, seq[0], codes[i].code);
		ok(nothing(), "%s of another call means nothing", codes[i].name);
		send_status(0, seq[0], codes[i].code);
		ok(ended(40 + i, codes[i].outcome, codes[i].error, ""),
		   "%s of this one ends it", codes[i].name);
		answer_call(0, seq[0], "late");
		ok(nothing(), "a reply after that is dropped");
		settle();
	}
	call_out("u", 50, 0, 0);
	request_is(0, next_seq(0), "u");
	for (i = 0; i < 256; i++) {
		if (i != XRPC_ST_IN_PROGRESS && i != XRPC_ST_NOCALL &&
		    (i < XRPC_ST_BUSY || i > XRPC_ST_CANCELED) &&
		    (i < XRPC_ST_ABORTED || i > XRPC_ST_DETACHED))
			send_status(0, seq[0], i);
	}
	ok(nothing(), "words it does not know end nothing");
	answer_call(0, seq[0], "U");
	ok(ended(50, XRPC_REPLIED, 0, "U"), "the reply does");
	settle();
}

/* Probes only, ever more seldom; @word is answered to each. */
static unsigned int probed(int ms, int word, unsigned int *other)
{
	uint64_t end = now_ms() + ms;
	unsigned int n = 0;

	*other = 0;
	while (now_ms() < end && rx(end - now_ms())) {
		expect_last(XRPC_HF_ACK_NOW);
		put_question(XRPC_FT_PROBE, 0, seq[0]);
		if (in.len == want.len && find(XRPC_FT_PROBE) && same()) {
			n++;
			if (word == XRPC_FT_ACK) {
				begin(0, our_id);
				put_range(&out, peer_pn - 1, peer_pn - 1);
				tx();
			} else if (word) {
				send_status(0, seq[0], word);
			}
		} else {
			(*other)++;
			break;
		}
	}
	return n;
}

static void test_in_progress(void)
{
	uint64_t begun = now_ms();
	unsigned int n, other;

	call_out("p", 60, 25000000, 0);
	rx(100);
	next_seq(0);
	send_status(0, seq[0], XRPC_ST_IN_PROGRESS);
	n = probed(20000, XRPC_ST_IN_PROGRESS, &other);
	ok(n >= 5 && n < 100 && !other,
	   "IN_PROGRESS ends retransmission: it probes (%u)", n);
	ok(nothing(), "as long as the server knows the call it waits");
	answer_call(0, seq[0], "P");
	ok(ended(60, XRPC_REPLIED, 0, "P"), "for the reply");
	settle();

	begun = now_ms();
	call_out("p", 61, 0, 0);
	request_is(0, next_seq(0), "p");
	send_status(0, seq[0], XRPC_ST_IN_PROGRESS);
	n = probed(9900, 0, &other);
	ok(n >= 4 && !other && nothing(), "with nothing heard it probes (%u)", n);
	ok(ended(61, XRPC_UNKNOWN, ETIMEDOUT, "") && now_ms() - begun < 10500,
	   "and gives up after ten seconds");
	rx_until(XRPC_FT_CANCEL, 100);
	send_status(0, seq[0], XRPC_ST_DETACHED);
	settle();
}

static void test_only_acks(void)
{
	uint64_t begun = now_ms();
	unsigned int n, other;

	call_out("a", 62, 0, 0);
	ok(request_is(0, next_seq(0), "a"), "a request");
	begin(0, our_id);
	put_range(&out, peer_pn - 1, peer_pn - 1);
	tx();
	n = probed(29900, XRPC_FT_ACK, &other);
	ok(n >= 10 && n < 130 && !other && nothing(),
	   "a server that only acknowledges is probed (%u)", n);
	ok(ended(62, XRPC_UNKNOWN, ETIMEDOUT, "") &&
	   now_ms() - begun >= 29900 && now_ms() - begun < 30500,
	   "until the deadline, unknown");
	ok(rx_until(XRPC_FT_CANCEL, 100), "the cancel goes out behind it");
	expect_last(XRPC_HF_ACK_NOW);
	put_question(XRPC_FT_CANCEL, 0, seq[0]);
	ok(same(), "for its channel and sequence");
	send_status(0, seq[0], XRPC_ST_DETACHED);
	settle();
}

static void test_nocall(void)
{
	unsigned int other;

	call_out("n", 63, 0, 0);
	request_is(0, next_seq(0), "n");
	send_status(0, seq[0], XRPC_ST_NOCALL);
	ok(request_is(0, seq[0], "n") && nothing(),
	   "NOCALL of a request not acknowledged: again at once");
	send_status(0, seq[0], XRPC_ST_IN_PROGRESS);
	probed(400, 0, &other);
	send_status(0, seq[0], XRPC_ST_NOCALL);
	ok(ended(63, XRPC_UNKNOWN, ECONNRESET, ""),
	   "of one that was: nobody knows what became of it");
	settle();
}

/* ---- giving up ------------------------------------------------------- */

static void test_canceled(void)
{
	uint64_t last = 0, gap, gap_before = 0;
	unsigned int n = 0, shrunk = 0;

	call_out("z", 70, 400000, 0);
	ok(rx(100) && find(XRPC_FT_DATA), "a call");
	next_seq(0);
	ok(ended(70, XRPC_UNKNOWN, ETIMEDOUT, ""), "no reply by the deadline");
	call_out("other", 71, 0, 0);
	while (n < 5 && rx(3000)) {
		if (!find(XRPC_FT_CANCEL))
			continue;
		expect_last(XRPC_HF_ACK_NOW);
		put_question(XRPC_FT_CANCEL, 0, seq[0]);
		gap = now_ms() - last;
		shrunk += !same() || (n > 1 && gap + 1 < gap_before);
		gap_before = gap;
		last = now_ms();
		n++;
		/* the other call meanwhile */
		if (n == 1) {
			ok(rx_until(XRPC_FT_DATA, 100) &&
			   has_data(1, next_seq(1), "other"),
			   "whose channel stays taken");
			answer_call(1, seq[1], "O");
			ok(ended(71, XRPC_REPLIED, 0, "O"), "the next one's free");
		}
	}
	ok(n == 5 && !shrunk, "CANCEL comes again, ever more seldom");
	answer_call(0, seq[0], "too late");
	ok(nothing(), "a reply after that is dropped");
	ok(rx_until(XRPC_FT_DONE, 100), "but acknowledged");
	ok(!rx_until(XRPC_FT_CANCEL, 5000), "which ends the cancelling");
	call_out("y", 72, 0, 0);
	ok(request_is(0, next_seq(0), "y"), "its channel is free");

	/* by name: the server's word decides */
	cancel_out(72);
	ok(rx(0) && nothing(), "a call cancelled by name is not over");
	expect_last(XRPC_HF_ACK_NOW);
	put_question(XRPC_FT_CANCEL, 0, seq[0]);
	ok(same(), "the cancel goes out at once");
	send_status(0, seq[0], XRPC_ST_NOCALL);
	send_status(0, seq[0], XRPC_ST_IN_PROGRESS);
	ok(nothing(), "no such call, or in progress, decide nothing");
	send_status(0, seq[0], XRPC_ST_CANCELED);
	ok(ended(72, XRPC_NOT_EXECUTED, ECANCELED, ""),
	   "never delivered: not executed");
	call_out("x", 73, 0, 0);
	request_is(0, next_seq(0), "x");
	cancel_out(73);
	rx(0);
	send_status(0, seq[0], XRPC_ST_DETACHED);
	ok(ended(73, XRPC_UNKNOWN, ECONNRESET, ""), "delivered: unknown");
	call_out("w", 74, 0, 0);
	request_is(0, next_seq(0), "w");
	cancel_out(74);
	rx(0);
	answer_call(0, seq[0], "W");
	ok(ended(74, XRPC_REPLIED, 0, "W"), "replied before: the reply");
	settle();
}

/* A client that has not opened yet. */
static void test_canceled_early(void)
{
	const struct xrpc_token_req *r = (const void *)none;
	unsigned int n;

	new_client(true);
	call_out("n", 1, 500000, 0);
	for (n = 0; rx(2000); n++) {
		want_frame(r, XRPC_FT_TOKEN_REQ);
		our_id = xrpc_get64(r->client_id);
	}
	ok(n && ended(1, XRPC_NOT_EXECUTED, ETIME, ""),
	   "no token by the deadline: not executed");
	new_client(true);
	call_out("n", 2, 0, 0);
	while (rx(2000)) {
		want_frame(r, XRPC_FT_TOKEN_REQ);
		our_id = xrpc_get64(r->client_id);
	}
	ok(ended(2, XRPC_NOT_EXECUTED, EHOSTUNREACH, ""),
	   "no token in ten seconds: not executed either");
	new_client(true);
	call_out("o", 3, 0, 0);
	ok(rx(100) && want_frame(r, XRPC_FT_TOKEN_REQ), "another");
	fresh(xrpc_get64(r->client_id));
	peer_pn = 1;
	send_token(0, 0, 0, 0);
	ok(rx(0) && find(XRPC_FT_OPEN), "opens");
	cancel_out(3);
	expect_opening();
	put_question(XRPC_FT_CANCEL, 0, 1);
	((struct xrpc_hdr *)want.b)->flags |= XRPC_HF_ACK_NOW;
	ok(rx(0) && same(), "its cancel is an opening packet too");
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 16);
	put_status(&out, 0, 1, XRPC_ST_CANCELED);
	tx();
	ok(ended(3, XRPC_NOT_EXECUTED, ECANCELED, ""), "and is answered");
}

/* Whether the packet received last acknowledges this one. */
static bool acknowledges(uint32_t pn)
{
	const struct xrpc_ack_range *r;
	struct xrpc_cursor c;
	unsigned int i;
	int more;

	for (more = xrpc_wire_first(&c, in.b, in.len); more > 0;
	     more = xrpc_wire_next(&c)) {
		if (c.type != XRPC_FT_ACK)
			continue;
		r = (const void *)(c.frame + sizeof(struct xrpc_fhdr));
		for (i = 0; i < (c.len - sizeof(struct xrpc_fhdr)) / sizeof(*r);
		     i++) {
			if (be32toh(r[i].lo) <= pn && pn <= be32toh(r[i].hi))
				return true;
		}
	}
	return false;
}

/*
 * A packet whose reply finds no room lets a longer request go on: what goes out
 * because of it does not acknowledge it.
 */
static void test_no_room(void)
{
	static char big[XRPC_MSG_MAX + 1];
	unsigned int i, segments = 0, acks = 0, wrong = 0;
	uint64_t dropped = counter("DropWindow");
	struct xrpc_ack_range *r;
	struct xrpc_fhdr *f;
	int small = 1;
	uint32_t pn;

	ok(open_client(true, 64), "a session of a socket with little room");
	setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	for (i = 0; i < 4; i++) {
		call_out("r", 40 + i, 0, 0);
		rx(100);
	}
	memset(big, 'b', XRPC_MSG_MAX);
	call_out(big, 50, 0, 0);
	flush();
	for (i = 0; i < 3 && counter("DropWindow") == dropped; i++) {
		begin(0, our_id);
		put_data(&out, i, i ? 1 : 2, "fills");
		tx();
	}
	flush();

	begin(XRPC_HF_ACK_NOW, our_id);
	pn = next_pn - 1;
	f = frame(&out, XRPC_FT_ACK, 0, sizeof(*f) + sizeof(*r));
	r = (void *)(f + 1);
	r->hi = htobe32(peer_pn - 1);
	put_data(&out, 3, 1, "no room");
	dropped = counter("DropWindow");
	tx();
	ok(counter("DropWindow") == dropped + 1, "one reply too many");
	while (rx(5)) {
		segments += !!find(XRPC_FT_DATA);
		acks += !!find(XRPC_FT_ACK);
		wrong += acknowledges(pn);
	}
	ok(segments && acks && !wrong,
	   "is not acknowledged by what its packet lets go (%u, %u)", segments,
	   acks);
	ended(40, XRPC_REPLIED, 0, "fills");
	answer_call(3, 1, "room");
	for (i = 0; i < 3 && !ended(43, XRPC_REPLIED, 0, "room"); i++)
		;
	ok(i < 3, "and taken when it comes again");
}

int main(void)
{
	tap_begin();
	test_token();
	test_accept();
	test_deadline_words();
	test_replies();
	test_long_replies();
	test_status();
	test_in_progress();
	test_only_acks();
	test_nocall();
	test_canceled();
	test_canceled_early();
	test_no_room();
	ok(!numbers_wrong, "packet numbers were used once each, in order");
	return tap_end();
}
