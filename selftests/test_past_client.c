// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12 timeout=3000
 *
 * What was wrong once at a client, before a scripted server: calls that ran and
 * were sent again, deadlines that were not kept while it opened again, channels
 * that a server takes away.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>

#include "scripted_server.h"

#define HOUR	(3600 * 1000000ULL)

/* A call ends in time, as the clock of the guest has it. */
static bool told(int ms)
{
	struct pollfd p = { .fd = client, .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

/* Microseconds of calls that do not tell the server how many; 0: the usual. */
static uint64_t patience;

/* A client with a call: the token it asked for is given. */
static bool opening_call(const char *text, uint64_t us, int bare)
{
	const struct xrpc_token_req *r;

	new_client(true);
	if (patience)
		setsockopt(client, SOL_XRPC, XRPC_DEFAULT_DEADLINE, &patience,
			   sizeof(patience));
	send_out(text, 1, us, 0, bare);
	if (!rx_until(XRPC_FT_TOKEN_REQ, 100) ||
	    !want_frame(r, XRPC_FT_TOKEN_REQ))
		return false;
	fresh(xrpc_get64(r->client_id));
	peer_pn = 1;
	send_token(0, 0, 0, 0);
	return bare || (rx(100) && find(XRPC_FT_OPEN) && has_data(0, 1, text));
}

/* No request comes for some time. */
static bool not_sent_again(int ms)
{
	uint64_t end = now_ms() + ms;

	while (now_ms() < end && rx(end - now_ms())) {
		if (find(XRPC_FT_DATA))
			return false;
	}
	return true;
}

/* Whether a request comes in time, whatever else does. */
static bool heard(uint16_t chan, uint32_t s, const char *text, int ms)
{
	uint64_t end = now_ms() + ms;

	do {
		if (rx(end - now_ms()) && has_data(chan, s, text))
			return true;
	} while (now_ms() < end);
	return false;
}

/* A request that names an epoch and a token comes. */
static bool sent_again(const char *text, uint64_t of_epoch)
{
	const struct xrpc_open *o;

	return rx(100) && want_frame(o, XRPC_FT_OPEN) &&
	       xrpc_get64(o->epoch) == of_epoch &&
	       !memcmp(&o->token, &the_token, sizeof(the_token)) &&
	       has_data(0, 1, text);
}

/* ---- RETRY ----------------------------------------------------------- */

/*
 * The server of the first epoch took the request, perhaps ran it, and died; what
 * the client sends again reaches the next one.
 */
static void test_retry_epoch(void)
{
	const struct xrpc_open *o;
	uint64_t old;

	ok(opening_call("once", 0, 0), "a call under an epoch");
	pass(2000);
	flush();
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY, peer_pn - 1, 1000, EPOCH + 1);
	ok(told(10) && ended(1, XRPC_UNKNOWN, ECONNRESET, ""),
	   "RETRY of another, not older than the call: unknown");
	ok(not_sent_again(5000), "it is not sent there");

	ok(opening_call("again", 0, 0), "another call");
	pass(2000);
	flush();
	the_token.w[1]++;
	old = our_id;
	send_token(XRPC_TF_RETRY, peer_pn - 1, 10000000, EPOCH + 1);
	ok(sent_again("again", EPOCH + 1) && nothing(),
	   "RETRY of one that is older: it did not run, and is sent there");
	ok(want_frame(o, XRPC_FT_OPEN) && xrpc_get64(o->client_id) != old,
	   "in a session of its own");
	fresh(xrpc_get64(o->client_id));
	peer_pn = 1;
	begin(0, our_id);
	put_accept(&out, SID, EPOCH + 1, 16);
	put_data(&out, 0, 1, "ran");
	tx();
	ok(ended(1, XRPC_REPLIED, 0, "ran"), "and answered");
}

/*
 * The same epoch, but the session began to open longer ago than a server keeps
 * one that it does not hear of: it may have had it, and have forgotten what ran.
 */
static void test_retry_late(void)
{
	unsigned int i, again = 0;

	patience = 1000000000;
	ok(opening_call("late", 0, 0), "a call");
	for (i = 0; i < 59; i++) {
		pass(5000);
		flush();
		the_token.w[1]++;
		send_token(XRPC_TF_RETRY, peer_pn - 1, 0, 0);
		again += sent_again("late", EPOCH);
	}
	ok(again == 59, "each RETRY of 295 s has it sent again (%u)", again);
	pass(6000);
	flush();
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY, peer_pn - 1, HOUR, 0);
	ok(told(10) && ended(1, XRPC_UNKNOWN, ECONNRESET, ""),
	   "after 300 s: unknown, whatever the horizon");
	ok(not_sent_again(5000), "it is not sent again");

	ok(opening_call("alive", 0, 0), "another call");
	for (i = 0; i < 61; i++) {
		pass(5000);
		flush();
		the_token.w[1]++;
		send_token(XRPC_TF_RETRY | XRPC_TF_ALIVE, peer_pn - 1, 0, 0);
		sent_again("alive", EPOCH);
	}
	ok(nothing() && has_data(0, 1, "alive"),
	   "where the server has the session it goes on");

	patience = 0;
	ok(opening_call("early", 0, 0), "a third");
	pass(2000);
	flush();
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY, peer_pn - 1, 0, 0);
	ok(sent_again("early", EPOCH) && nothing(),
	   "one of 2 s is, in the same session, though it names no horizon");
	ok(xrpc_get64(((struct xrpc_open *)(in.b + 24))->client_id) == our_id,
	   "under the same id");
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY, peer_pn - 1, HOUR, 0);
	sent_again("early", EPOCH);
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 16);
	put_data(&out, 0, 1, "E");
	tx();
	ok(ended(1, XRPC_REPLIED, 0, "E"), "and answered");

	ok(opening_call("clocks", 0, 0), "clocks may differ by 0.1 %% and 1 ms");
	pass(5000);
	flush();
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY, peer_pn - 1, 5005000, EPOCH + 1);
	ok(told(10) && ended(1, XRPC_UNKNOWN, ECONNRESET, ""),
	   "records that are only just older prove nothing");
	ok(opening_call("same", 0, 0), "a call under the epoch that answers");
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY, peer_pn - 1, 0, 0);
	ok(sent_again("same", EPOCH) && nothing(),
	   "has not been forgotten at once, however young that is");
}

/*
 * A RETRY of an earlier life, to what was sent before the token came, says nothing
 * of what was sent since.
 */
static void test_retry_early(void)
{
	const struct xrpc_token_req *r;
	uint32_t bare;

	new_client(true);
	send_out("any", 1, 0, 0, XRPC_REPLAYABLE);
	ok(rx_until(XRPC_FT_OPEN, 100), "a replayable call without a token");
	bare = be32toh(in_hdr()->pn);
	call_out("once", 2, 0, 0);
	ok(rx_until(XRPC_FT_TOKEN_REQ, 1000) &&
	   want_frame(r, XRPC_FT_TOKEN_REQ), "and the question for one");
	fresh(xrpc_get64(r->client_id));
	peer_pn = 1;
	send_token(0, be32toh(in_hdr()->pn), HOUR, EPOCH + 1);
	ok(heard(1, 1, "once", 100), "the other goes out with it");
	pass(50);
	flush();
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY, bare, HOUR, EPOCH);
	ok(!rx(20), "RETRY of an earlier epoch to the first has it not sent "
	   "again");
	begin(0, our_id);
	put_accept(&out, SID, EPOCH + 1, 16);
	put_data(&out, 1, 1, "ran");
	tx();
	ok(ended(2, XRPC_REPLIED, 0, "ran"), "the answer to it is taken");
}

/* Where an address is many hosts a proof is none. */
static void test_trust(void)
{
	set_sysctl("trust_horizon", 0);
	ok(opening_call("same", 0, 0), "a call that may not trust a horizon");
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY, peer_pn - 1, HOUR, 0);
	ok(sent_again("same", EPOCH) && nothing(),
	   "RETRY of the same epoch is of the same host: it is sent again");
	ok(opening_call("retry", 0, 0), "another");
	the_token.w[1]++;
	send_token(XRPC_TF_RETRY, peer_pn - 1, HOUR, EPOCH + 1);
	ok(told(10) && ended(1, XRPC_UNKNOWN, ECONNRESET, ""),
	   "RETRY of another epoch, however old: unknown");
	ok(not_sent_again(3000), "and not sent again");

	ok(open_client(true, 16), "a session");
	call_out("forgotten", 2, 0, 0);
	rx(0);
	header(&out, 0, 0, 0);
	put_nosession(&out, peer_pn - 1, SID);
	tx_from(udp);
	ok(rx(100) && find(XRPC_FT_TOKEN_REQ), "its server forgets it");
	send_token(0, peer_pn - 1, HOUR, EPOCH + 1);
	ok(told(10) && ended(2, XRPC_UNKNOWN, ECONNRESET, ""),
	   "what would prove that it did not run does not");
	ok(not_sent_again(3000), "and it is not sent again");

	set_sysctl("trust_horizon", 1);
	ok(open_client(true, 16), "a session that trusts it");
	call_out("forgotten", 2, 0, 0);
	rx(0);
	header(&out, 0, 0, 0);
	put_nosession(&out, peer_pn - 1, SID);
	tx_from(udp);
	rx(100);
	send_token(0, peer_pn - 1, HOUR, EPOCH + 1);
	ok(rx(100) && find(XRPC_FT_OPEN) && has_data(0, 2, "forgotten") &&
	   nothing(), "the same: it is");
}

/* ---- deadlines while the client opens again -------------------------- */

static void test_deadlines(void)
{
	uint64_t before, took;

	ok(open_client(true, 16), "a session");
	call_out("ask", 2, 300000, 0);
	rx(0);
	header(&out, 0, 0, 0);
	put_nosession(&out, peer_pn - 1, SID);
	tx_from(udp);
	ok(rx(100) && find(XRPC_FT_TOKEN_REQ) && !told(100),
	   "a call with 300 ms, and its server forgets it");
	call_out("unsent", 3, 100000, 0);
	ok(told(200) && ended(3, XRPC_NOT_EXECUTED, ETIME, ""),
	   "one made meanwhile ends in its time, not executed");
	ok(told(200) && ended(2, XRPC_UNKNOWN, ETIMEDOUT, ""),
	   "the first in its own, unknown");
	ok(rx_until(XRPC_FT_TOKEN_REQ, 3000), "the client still asks");
	send_token(0, peer_pn - 1, HOUR, EPOCH + 1);
	ok(not_sent_again(1000) && nothing(), "and has nothing more to send");
	call_out("next", 4, 0, 0);
	ok(rx_until(XRPC_FT_OPEN, 100) && has_data(0, 3, "next"),
	   "the next call opens again");

	before = now_ms();
	ok(opening_call("replay", 300000, XRPC_REPLAYABLE),
	   "a replayable call with 300 ms");
	flush();
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 16);
	tx();
	begin(0, our_id);
	put_close(&out);
	tx();
	ok(rx_until(XRPC_FT_TOKEN_REQ, 100), "waits for a server that closed");
	told(1000);
	took = now_ms() - before;
	ok(took < 1000 && ended(1, XRPC_UNKNOWN, ETIMEDOUT, ""),
	   "no longer than its deadline (%llu ms)", (unsigned long long)took);
	before = now_ms();
	call_out("none", 5, 500000, 0);
	told(1000);
	took = now_ms() - before;
	ok(took < 1000 && ended(5, XRPC_NOT_EXECUTED, ETIME, ""),
	   "nor does the one behind it (%llu ms)", (unsigned long long)took);
}

/* A call behind one that nobody waits for any more is the first again. */
static void test_asked_anew(void)
{
	uint64_t before;

	new_client(true);
	call_out("none", 1, 100000, 0);
	ok(told(200) && ended(1, XRPC_NOT_EXECUTED, ETIME, ""),
	   "a call with 100 ms to a server that is not there");
	pass(2500);
	flush();
	before = now_ms();
	call_out("late", 2, 0, 0);
	ok(rx_until(XRPC_FT_TOKEN_REQ, 350),
	   "the next one asks at once, not when the first would have");
	told(20000);
	before = now_ms() - before;
	ok(before > 9900 && before < 10500 &&
	   ended(2, XRPC_NOT_EXECUTED, EHOSTUNREACH, ""),
	   "for ten seconds of its own (%llu ms)", (unsigned long long)before);
}

/* ---- channels -------------------------------------------------------- */

/* Whether a request comes in time that is later in the alphabet. */
static bool beyond(char last, int ms)
{
	const struct xrpc_data *d;
	uint64_t end = now_ms() + ms;

	while (now_ms() < end && rx(end - now_ms())) {
		if (want_frame(d, XRPC_FT_DATA) && *(char *)(d + 1) > last)
			return true;
	}
	return false;
}

static void test_channels(void)
{
	static const char * const text[] = { "a", "b", "c" };
	const struct xrpc_token_req *r;
	unsigned int i, n = 0, got = 0;

	new_client(true);
	for (i = 0; i < 3; i++)
		call_out(text[i], 1 + i, 0, 0);
	rx(100);
	want_frame(r, XRPC_FT_TOKEN_REQ);
	fresh(xrpc_get64(r->client_id));
	peer_pn = 1;
	send_token(0, 0, 0, 0);
	for (i = 0; i < 3; i++)
		n += rx(100) && find(XRPC_FT_OPEN) && has_data(i, 1, text[i]);
	ok(n == 3, "three calls, on three channels");
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, 1);
	tx();
	while (rx(1500) && got != 7) {
		for (i = 0; i < 3; i++)
			got |= has_data(i, 1, text[i]) << i;
	}
	ok(got == 7, "a server that allows one: all three are sent again (%x)",
	   got);
	call_out("d", 4, 0, 0);
	call_out("e", 5, 0, 0);
	ok(!beyond('c', 100), "others wait");
	for (i = 3; i--; ) {
		answer_call(i, 1, "re");
		ok(told(10) && ended(1 + i, XRPC_REPLIED, 0, "re"),
		   "its answer to channel %u counts", i);
	}
	ok(heard(0, 2, "d", 100), "the next goes on the one that is left");
	ok(!beyond('d', 5), "alone");
	answer_call(0, 2, "D");
	ok(told(10) && ended(4, XRPC_REPLIED, 0, "D") && heard(0, 3, "e", 100),
	   "the last after it");
	answer_call(0, 3, "E");
	ok(told(10) && ended(5, XRPC_REPLIED, 0, "E"), "all are answered");
}

static void test_total(void)
{
	ok(open_client(true, 16), "a session");
	call_out("t", 2, 0, 0);
	rx(100);
	begin(0, our_id);
	put_part(&out, 0, 2, "whole", 5, 0, 5);
	tx();
	ok(told(10) && ended(2, XRPC_REPLIED, 0, "whole"),
	   "a reply with a total in one segment is taken");
}

int main(void)
{
	tap_begin();
	/* counters and settings of its own */
	if (unshare(CLONE_NEWNET) || system("ip link set lo up")) {
		printf("1..0 # SKIP no network namespace to be had\n");
		return 4;
	}
	close(xrpc_socket());
	test_retry_epoch();
	test_retry_late();
	test_retry_early();
	test_trust();
	test_deadlines();
	test_asked_anew();
	test_channels();
	test_total();
	return tap_end();
}
