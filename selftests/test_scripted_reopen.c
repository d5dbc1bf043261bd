// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12,debug timeout=6000
 *
 * A scripted server that forgets its client, closes, moves or talks nonsense:
 * what becomes of the calls, and that nothing is told that is not known.
 */
#include "scripted_server.h"

/* ---- NOSESSION and the horizon --------------------------------------- */

static void send_nosession(int fd, uint32_t pn, uint64_t id)
{
	header(&out, 0, 0, 0);
	put_nosession(&out, pn, id);
	tx_from(fd);
}

/* Forget the client after its packet @pn; it asks again. */
static bool forget(uint32_t pn)
{
	send_nosession(udp, pn, SID);
	if (!rx(0))
		return false;
	expect_last(0);
	memset(((struct xrpc_hdr *)want.b)->id, 0, 8);
	put_token_req(&want, our_id, EPOCH, SID);
	put_pad(&want, 8);
	return same();
}

/* The client opens again; this is the request on channel 0. */
static bool opened_again(uint64_t old_id, const char *text)
{
	const struct xrpc_open *o;

	if (in.len < 24 + 48)
		return false;
	o = (const void *)(in.b + 24);
	if (!(in_hdr()->flags & XRPC_HF_OPENING) ||
	    xrpc_get64(o->client_id) == old_id)
		return false;
	fresh(xrpc_get64(o->client_id));
	peer_pn = 1;
	expect_opening();
	((struct xrpc_hdr *)want.b)->pn = 0;
	put_data(&want, 0, seq[0], text);
	return same();
}

/* Take the request in the new session and answer it. */
static bool answered_again(uint64_t cookie)
{
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 16);
	put_data(&out, 0, seq[0], "again");
	tx();
	if (!ended(cookie, XRPC_REPLIED, 0, "again"))
		return false;
	settle();
	return true;
}

static void test_hints(void)
{
	uint32_t pn;
	int other;

	ok(open_client(false, 16), "a session");
	call_out("w", 1, 0, 0);
	ok(request_is(0, next_seq(0), "w"), "a call");
	pn = peer_pn - 1;
	send_nosession(udp, pn + 1, SID);
	send_nosession(udp, pn + 0x10000, SID);
	send_nosession(udp, pn, SID + 1);
	send_nosession(udp, pn, our_id);
	udp_at(&other, "127.0.0.1", 0);
	send_nosession(other, pn, SID);
	close(other);
	udp_at(&other, "127.0.0.9", port_of(udp));
	send_nosession(other, pn, SID);
	close(other);
	ok(!rx(0) && nothing(), "NOSESSION for a packet never sent, another id, "
	   "or from elsewhere has no effect");
	ok(forget(pn), "a right one makes it ask, naming what it knew, "
	   "without the request");
	ok(nothing(), "and ends nothing");
	send_nosession(udp, pn, SID);
	ok(!rx(0), "once");

	send_token(0, pn, 3600 * 1000000ULL, EPOCH + 1);
	ok(!rx(0), "an answer from before it asked decides nothing");
	send_token(XRPC_TF_RETRY, peer_pn - 1, 3600 * 1000000ULL, EPOCH + 1);
	ok(!rx(0), "nor does RETRY");
	answer_call(0, seq[0], "alive");
	ok(ended(1, XRPC_REPLIED, 0, "alive"),
	   "a reply of the old session still counts");
	settle();
	send_token(XRPC_TF_ALIVE, peer_pn - 1, 0, 0);
	call_out("x", 2, 0, 0);
	while (rx(0) && !find(XRPC_FT_DATA))
		;
	ok(has_data(0, next_seq(0), "x") && xrpc_get64(in_hdr()->id) == SID,
	   "the server that knows it after all goes on");
	pn = peer_pn - 1;
	answer_call(0, seq[0], "X");
	ended(2, XRPC_REPLIED, 0, "X");
	settle();
}

static void test_alive(void)
{
	uint64_t old = our_id;

	call_out("y", 3, 0, 0);
	request_is(0, next_seq(0), "y");
	ok(forget(peer_pn - 1), "it asks");
	ok(rx(1000) && find(XRPC_FT_TOKEN_REQ) && nothing(),
	   "and again, when nothing comes");
	send_token(XRPC_TF_ALIVE, peer_pn - 1, 0, 0);
	ok(rx_until(XRPC_FT_DATA, 3000) && has_data(0, seq[0], "y") &&
	   xrpc_get64(in_hdr()->id) == SID,
	   "ALIVE: the request again in the old session");
	ok(forget(peer_pn - 1), "it asks");
	send_token(XRPC_TF_ALIVE, peer_pn - 1, 3600 * 1000000ULL, EPOCH + 1);
	ok(rx(0) && find(XRPC_FT_OPEN) && has_data(0, seq[0], "y") &&
	   xrpc_get64(((struct xrpc_open *)(in.b + 24))->epoch) == EPOCH + 1,
	   "alive under another epoch is not");
	fresh(xrpc_get64(((struct xrpc_open *)(in.b + 24))->client_id));
	peer_pn = 1;
	ok(our_id != old && answered_again(3), "it runs in a new session");
}

/*
 * A request is transmitted; the server restarts, and @age ms later says that
 * its horizon is @margin us more than the request's age and what clocks may
 * differ.
 */
static void horizon(const char *name, int age, long long margin, bool acked,
		    bool again)
{
	uint64_t old = our_id, first, us;
	uint32_t pn;

	call_out("h", 4, 0, 0);
	first = now_ns();
	if (!request_is(0, next_seq(0), "h"))
		ok(false, "%s: no request", name);
	pn = peer_pn - 1;
	if (acked) {
		begin(0, our_id);
		put_range(&out, pn, pn);
		tx();
	}
	pass(age);
	while (rx(0))
		pn = peer_pn - 1;
	forget(pn);
	us = (now_ns() - first) / 1000;
	send_token(0, peer_pn - 1, us + us / 1000 + 1000 + margin, EPOCH);
	if (again)
		ok(rx(0) && opened_again(old, "h") && answered_again(4), "%s",
		   name);
	else
		ok(ended(4, XRPC_UNKNOWN, ECONNRESET, "") && !rx(0), "%s",
		   name);
	if (!again)
		ok(open_client(false, 16), "a session");
}

static void test_horizon(void)
{
	ok(open_client(false, 16), "a session");
	horizon("a horizon of nothing proves nothing", 10, -11000, false, false);
	horizon("one of an hour proves that it did not run", 10, 3600000000LL,
		false, true);
	horizon("so it does after five seconds", 5000, 3600000000LL, false,
		true);
	horizon("but nothing of a request that was acknowledged", 10,
		3600000000LL, true, false);
	/* the edge: 0.1 % and 1 ms */
	horizon("just within it, after five seconds: again", 5000, 800, false,
		true);
	horizon("just beyond, where 1 ms less would do: unknown", 5000, -900,
		false, false);
	horizon("just within it, after nine seconds: again", 9000, 800, false,
		true);
	horizon("just beyond, where 0.1 % less would do: unknown", 9000, -900,
		false, false);
	horizon("just within it, at once: again", 0, 800, false, true);
	horizon("just beyond, at once: unknown", 0, -900, false, false);
}

/* A setting for hosts that share an address: nothing is proven there. */
static void test_shared_address(void)
{
	set_sysctl("trust_horizon", 0);
	horizon("where an address is many hosts': unknown", 10, 3600000000LL,
		false, false);
	set_sysctl("trust_horizon", 1);
}

/* A server that restarted asks for another token while it is opened. */
static void test_other_epoch(void)
{
	const struct xrpc_token_req *r = (const void *)none;
	uint64_t old;
	int again;

	for (again = 0; again < 2; again++) {
		new_client(false);
		call_out("e", 11, 0, 0);
		rx(0);
		want_frame(r, XRPC_FT_TOKEN_REQ);
		fresh(xrpc_get64(r->client_id));
		peer_pn = 1;
		send_token(0, 0, 0, 0);
		next_seq(0);
		ok(rx(0) && find(XRPC_FT_OPEN) && has_data(0, 1, "e"),
		   "a client that opens");
		old = our_id;
		the_token.w[1]++;
		send_token(XRPC_TF_RETRY, peer_pn - 1,
			   again ? 3600 * 1000000ULL : 0, EPOCH + 1);
		if (!again) {
			ok(ended(11, XRPC_UNKNOWN, ECONNRESET, "") && !rx(0),
			   "RETRY of another epoch that proves nothing: "
			   "unknown");
			continue;
		}
		ok(rx(0) && has_data(0, 1, "e") &&
		   xrpc_get64(((struct xrpc_open *)(in.b + 24))->client_id) !=
		   old, "one that proves that it did not run: again, in a "
		   "new session");
	}
}

static void test_no_answer(void)
{
	unsigned int n, other = 0;
	uint64_t begun;

	call_out("n", 5, 0, 0);
	request_is(0, next_seq(0), "n");
	begun = now_ms();
	forget(peer_pn - 1);
	for (n = 0; rx(3000); n++)
		other += !find(XRPC_FT_TOKEN_REQ);
	ok(n > 2 && n < 20 && !other, "it asks ever more seldom (%u)", n);
	ok(ended(5, XRPC_UNKNOWN, ETIMEDOUT, "") && now_ms() - begun < 14000,
	   "for ten seconds: unknown");
	ok(!rx(60000), "and no more");
}

/* Of several calls each is told its own. */
static void test_many(void)
{
	uint64_t old;

	ok(open_client(false, 3), "a session of three channels");
	old = our_id;
	call_out("sent", 6, 0, 0);
	ok(request_is(0, next_seq(0), "sent"), "one is sent");
	call_out("acked", 7, 0, 0);
	ok(request_is(1, next_seq(1), "acked"), "one acknowledged");
	begin(0, our_id);
	put_range(&out, peer_pn - 1, peer_pn - 1);
	tx();
	call_out("both", 14, 0, 0);
	ok(request_is(2, next_seq(2), "both"), "one that, and cancelled");
	begin(0, our_id);
	put_range(&out, peer_pn - 1, peer_pn - 1);
	tx();
	call_out("waits", 8, 0, 0);
	ok(!rx(0), "one waits for a channel");
	cancel_out(6);
	rx(0);
	cancel_out(14);
	rx(0);
	forget(peer_pn - 1);
	send_token(0, peer_pn - 1, 3600 * 1000000ULL, EPOCH);
	ok(ended(6, XRPC_NOT_EXECUTED, ECANCELED, ""),
	   "one that was cancelled and did not run is told so");
	ok(ended(7, XRPC_UNKNOWN, ECONNRESET, ""),
	   "the acknowledged one is unknown");
	ok(ended(14, XRPC_UNKNOWN, ECONNRESET, ""),
	   "and stays so where it was cancelled");
	next_seq(0);
	ok(rx(0) && opened_again(old, "waits") && answered_again(8),
	   "the one that was not sent is, in the new session");
	call_out("c", 9, 0, 0);
	request_is(0, next_seq(0), "c");
	cancel_out(9);
	rx(0);
	forget(peer_pn - 1);
	send_token(0, peer_pn - 1, 0, EPOCH);
	ok(ended(9, XRPC_UNKNOWN, ECONNRESET, ""),
	   "cancelled, and nothing is proven: unknown");
}

static void test_replayable(void)
{
	uint64_t old;

	ok(open_client(false, 16), "a session");
	old = our_id;
	send_out("r", 10, 0, 0, XRPC_REPLAYABLE);
	rx(0);
	next_seq(0);
	begin(0, our_id);
	put_range(&out, peer_pn - 1, peer_pn - 1);
	tx();
	forget(peer_pn - 1);
	send_token(0, peer_pn - 1, 0, EPOCH);
	ok(rx(0) && find(XRPC_FT_OPEN) &&
	   xrpc_get64(((struct xrpc_open *)(in.b + 24))->client_id) != old,
	   "a replayable call is sent again whatever the horizon");
	fresh(xrpc_get64(((struct xrpc_open *)(in.b + 24))->client_id));
	peer_pn = 1;
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 16);
	put_status(&out, 0, seq[0], XRPC_ST_EXPIRED);
	tx();
	ok(ended(10, XRPC_UNKNOWN, ECONNRESET, ""),
	   "after that no word of it makes it not executed");
	settle();
}

/* ---- channels and the end -------------------------------------------- */

static void test_one_channel(void)
{
	ok(open_client(false, 1), "a session of one channel");
	call_out("one", 20, 0, 0);
	call_out("two", 21, 0, 0);
	call_out("three", 22, 1000000, 0);
	ok(request_is(0, next_seq(0), "one") && !rx(0),
	   "carries one call at a time");
	answer_call(0, seq[0], "1");
	ok(ended(20, XRPC_REPLIED, 0, "1") &&
	   request_is(0, next_seq(0), "two") && !rx(0),
	   "the next when that has its reply");
	ok(ended(22, XRPC_NOT_EXECUTED, ETIME, ""),
	   "one that was never sent by its deadline is not executed");
	begin(0, our_id);
	put_close(&out);
	tx();
	ok(ended(21, XRPC_UNKNOWN, ECONNRESET, ""),
	   "CLOSE: what was sent is unknown");
	while (rx(0))
		;
	call_out("four", 23, 0, 0);
	ok(rx(0) && find(XRPC_FT_OPEN) && has_data(0, 1, "four"),
	   "the next call opens at once with the token that is known");
	ok(open_client(false, 1), "a session of one channel");
	call_out("one", 24, 0, 0);
	call_out("two", 25, 0, 0);
	request_is(0, next_seq(0), "one");
	begin(0, our_id);
	put_close(&out);
	tx();
	ok(ended(25, XRPC_NOT_EXECUTED, EHOSTUNREACH, "") &&
	   ended(24, XRPC_UNKNOWN, ECONNRESET, ""),
	   "CLOSE: what was not sent is not executed");
}

static void test_idle(void)
{
	ok(open_client(false, 16), "a session");
	ok(!rx(239000) && rx(2000), "that has nothing to do for four minutes");
	expect_last(0);
	put_close(&want);
	ok(same(), "is closed, and its server told");
	pass(70000);
	call_out("later", 30, 0, 0);
	ok(rx(0) && find(XRPC_FT_TOKEN_REQ),
	   "after five minutes its token is not used any more");
}

/* ---- another address ------------------------------------------------- */

static void test_elsewhere(void)
{
	uint64_t before = counter("DropState");
	const struct xrpc_token_req *r;
	int other, i;

	ok(open_client(false, 16), "a session");
	call_out("p", 31, 0, 0);
	request_is(0, next_seq(0), "p");
	udp_at(&other, "127.0.0.9", port_of(udp));
	for (i = 0; i < 10; i++) {
		header(&out, 0, next_pn + i, our_id);
		put_data(&out, 0, seq[0], "spoofed");
		tx_from(other);
		header(&out, 0, next_pn + i, our_id);
		put_status(&out, 0, seq[0], XRPC_ST_REFUSED);
		put_close(&out);
		tx_from(other);
	}
	follow = false;
	ok(!rx_at(other, 100) && nothing() &&
	   counter("DropState") == before + 20,
	   "replies, verdicts and closes from elsewhere are dropped, unanswered");
	follow = true;
	send_token(XRPC_TF_RETRY, peer_pn - 1, 0, 0);
	ok(!rx(0), "RETRY with the token it opened with: nothing");
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY | XRPC_TF_ALIVE, peer_pn - 1, 0, 0);
	expect_opening();
	put_data(&want, 0, seq[0], "p");
	ok(rx(0) && same() && !rx(0),
	   "with another: it shows that on an opening packet, and the request");
	begin(0, our_id);
	put_accept(&out, SID + 5, EPOCH, 16);
	tx();
	ok(rx_until(XRPC_FT_OPEN, 3000), "a server that calls itself another is "
	   "not heard");
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 16);
	put_data(&out, 0, seq[0], "P");
	tx();
	ok(ended(31, XRPC_REPLIED, 0, "P"), "the same one is");
	settle();
	close(other);

	call_out("r", 33, 0, 0);
	ok(request_is(0, next_seq(0), "r"), "a call");
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY, peer_pn - 1, 3600 * 1000000ULL, 0);
	ok(rx(0) && want_frame(r, XRPC_FT_TOKEN_REQ) &&
	   xrpc_get64(r->old_id) == SID && !find(XRPC_FT_DATA) && !rx(0) &&
	   nothing(), "RETRY that does not know the session makes it ask");
	send_token(XRPC_TF_ALIVE, peer_pn - 1, 0, 0);
	ok(rx(3000) && has_data(0, seq[0], "r") &&
	   xrpc_get64(in_hdr()->id) == SID, "and go on where there is one");
	answer_call(0, seq[0], "R");
	ok(ended(33, XRPC_REPLIED, 0, "R"), "to the reply");
	settle();
}

/* ---- nonsense -------------------------------------------------------- */

static void test_nonsense(void)
{
	uint64_t before;
	unsigned int n = 0;

	call_out("m", 32, 0, 0);
	ok(request_is(0, next_seq(0), "m"), "a call");
	before = counter("DropMalformed");
	begin(0, our_id);
	put_data(&out, 0, seq[0], "bad")->msg = htobe16(1);
	tx_untaken(), n++;
	begin(0, our_id);
	put_data(&out, 0, seq[0], "bad")->h.flags = 0;
	tx_untaken(), n++;
	begin(0, our_id)->reserved = 1;
	put_data(&out, 0, seq[0], "bad");
	tx_untaken(), n++;
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 16)->reserved = 1;
	put_data(&out, 0, seq[0], "bad");
	tx_untaken(), n++;
	begin(0, our_id);
	put_data(&out, 0, seq[0], "bad");
	frame(&out, 0x70, 0, 4);
	tx_untaken(), n++;
	begin(0, our_id);
	put_status(&out, 0, seq[0], XRPC_ST_REFUSED);
	((struct xrpc_status *)(out.b + 24))->reserved = 1;
	tx_untaken(), n++;
	make_token(XRPC_TF_RETRY, peer_pn - 1, 0, 0)->reserved = 1;
	tx_from(udp), n++;
	begin(0, our_id);
	put_data(&out, 0, seq[0], "bad");
	out.len--;
	tx_untaken(), n++;
	ok(!rx(0) && nothing() && counter("DropMalformed") == before + n,
	   "malformed answers are dropped (%u)", n);
	begin(0, our_id);
	put_ref(&out, XRPC_FT_PROBE, 0, seq[0]);
	put_ref(&out, XRPC_FT_CANCEL, 0, seq[0]);
	put_done(&out, 0, seq[0]);
	frame(&out, XRPC_FT_CREDIT, 0, 16);
	tx();
	begin(0, our_id ^ 2);
	put_data(&out, 0, seq[0], "bad");
	tx_untaken();
	ok(!rx(0) && nothing(), "what only clients say means nothing to one");
	begin(0, our_id);
	put_range(&out, peer_pn, peer_pn + 100);
	put_range(&out, peer_pn - 1, peer_pn - 5);
	tx();
	ok(rx(3000) && find(XRPC_FT_DATA) && nothing(),
	   "acknowledgements of what was never sent: it comes again");
	begin(XRPC_HF_ACK_NOW, our_id);
	frame(&out, 0x80, 0xff, 4);
	put_data(&out, 0, seq[0], "M");
	tx();
	ok(ended(32, XRPC_REPLIED, 0, "M"), "what may be skipped is");
	expect_client(0);
	put_done(&want, 0, seq[0]);
	put_acks(&want, 8);
	ok(rx(0) && same(), "ACK_NOW is obeyed");
}

int main(void)
{
	tap_begin();
	test_hints();
	test_alive();
	test_horizon();
	test_shared_address();
	test_no_answer();
	test_other_epoch();
	test_many();
	test_replayable();
	test_one_channel();
	test_idle();
	test_elsewhere();
	test_nonsense();
	ok(!numbers_wrong, "packet numbers were used once each, in order");
	return tap_end();
}
