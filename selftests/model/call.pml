/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One channel of one session: what client and server do with its calls.
 *
 * The names are those of module/internal.h and module/wire.h; each inline says
 * which function it stands for, so that the two can be held side by side:
 * client.c and timer.c for the client, served.c and sockq.c for the server.
 *
 * The network is the set of all packets ever sent. A packet in it may arrive at
 * any time and any number of times, or never: that is loss, duplication,
 * reordering and any delay at once. A packet sent again is the same packet.
 *
 * What is left out, and why that loses nothing:
 * - Packet numbers. They let a receiver drop a packet it has had; without them
 *   more duplicates are acted on than in the module.
 * - Other channels. They share nothing with this one but the session's end.
 * - Time. A timer may run at any moment; a call's runs at most TICKS times
 *   before its deadline or the give-up, so that waiting has an end.
 * - The window, memory and budgets. What does not fit is not sent or dropped,
 *   which is loss; a reply no longer kept is dropped at any moment.
 * - Groups of sockets. A call moved to a sibling is a call that stays queued.
 *
 * -DBREAK_... takes one rule away: then the checker has to find what for.
 */
#ifndef N
#define N	2		/* calls, one after another; sequences 1..N */
#endif
#define TICKS	2
#define WHOLE	3		/* a message is two segments: bits 1 and 2 */

mtype = {
	NONE,
	/* enum xrpc_call_state */
	XRPC_CALL_IDLE, XRPC_CALL_SENDING, XRPC_CALL_WAITING,
	XRPC_CALL_RECEIVING, XRPC_CALL_CANCELING, XRPC_CALL_DONE,
	XRPC_CALL_ARRIVING, XRPC_CALL_QUEUED, XRPC_CALL_REPLIED,
	XRPC_CALL_ACKED,
	/* enum xrpc_chan_state */
	XRPC_CHAN_IDLE, XRPC_CHAN_ACTIVE, XRPC_CHAN_CANCELING,
	XRPC_CHAN_VERDICT,
	/* enum xrpc_session_state */
	XRPC_SESS_OPEN, XRPC_SESS_CLOSED,
	/* enum xrpc_outcome */
	XRPC_REPLIED, XRPC_NOT_EXECUTED, XRPC_UNKNOWN
};

/*
 * enum xrpc_status_code by what it means to a client: "refused" stands for
 * BUSY, REFUSED, DRAINING, EXPIRED and CANCELED, "lost" for ABORTED, DROPPED
 * and DETACHED.
 */
#define IN_PROGRESS	1
#define NOCALL		2
#define REFUSED		4
#define LOST		8

/* The network: what was ever sent, by sequence. */
byte data[N + 1], reply[N + 1];		/* segments */
byte status[N + 1];			/* codes */
bool probe[N + 1], cancel[N + 1], done[N + 1], ack[N + 1], close_sent;

/* The client's channel (struct xrpc_chan) and its call (struct xrpc_call). */
byte seq;
mtype chan_state = XRPC_CHAN_IDLE, call = XRPC_CALL_IDLE;
mtype sess = XRPC_SESS_OPEN;
bool first_sent, acked;
byte have;				/* segments of the reply */
byte ticks;

/* The server's. */
byte s_seq;
mtype s_state = XRPC_CHAN_IDLE, s_call = NONE;
mtype s_sess = XRPC_SESS_OPEN;
byte s_verdict, s_have;
bool taken;				/* XRPC_CALLF_TAKEN */
bool sock = true;			/* a socket is bound there */

/* What the promises are about; nothing above ever looks at these. */
byte runs[N + 1];			/* how often the application had it */
mtype told[N + 1] = NONE;
bool word[N + 1];			/* the reply or a verdict has come */

#define OVER	(sess == XRPC_SESS_CLOSED || \
		 (seq == N && call == XRPC_CALL_DONE && \
		  chan_state == XRPC_CHAN_IDLE))

/* ---- the client ------------------------------------------------------ */

inline tell(q, outcome)			/* xrpc_client_end() */
{
	assert(told[q] == NONE);	/* a call ends once */
	assert(outcome != XRPC_NOT_EXECUTED || runs[q] == 0);
	assert(outcome != XRPC_REPLIED || runs[q] == 1);
	told[q] = outcome;
	call = XRPC_CALL_DONE
}

inline off_channel()
{
	chan_state = XRPC_CHAN_IDLE;
	ticks = 0;
	have = 0
}

inline send_request()			/* xrpc_send_pump(), first or again */
{
	if
	:: data[seq] = data[seq] | 1
	:: data[seq] = WHOLE
	fi;
	first_sent = true
}

inline session_close()			/* xrpc_session_close() */
{
	if
	:: chan_state == XRPC_CHAN_ACTIVE && first_sent ->
		tell(seq, XRPC_UNKNOWN)
	:: chan_state == XRPC_CHAN_ACTIVE && !first_sent ->
		tell(seq, XRPC_NOT_EXECUTED)
	:: else
	fi;
	off_channel();
	close_sent = true;
	sess = XRPC_SESS_CLOSED
}

inline abandon()			/* xrpc_client_abandon() */
{
	if
	:: first_sent -> tell(seq, XRPC_UNKNOWN)
	:: else -> tell(seq, XRPC_NOT_EXECUTED)
	fi;
	cancel[seq] = true;
	ticks = 0;
	have = 0;
#ifdef BREAK_CHANNEL_HELD
	chan_state = XRPC_CHAN_IDLE
#else
	chan_state = XRPC_CHAN_CANCELING
#endif
}

inline client_data(q, g)		/* xrpc_client_data() */
{
	if
#ifdef BREAK_REPLY_SEQUENCE
	:: chan_state == XRPC_CHAN_ACTIVE ->
#else
	:: q == seq && chan_state == XRPC_CHAN_ACTIVE ->
#endif
		acked = true;
		have = have | g;
		if
		:: have == WHOLE ->
			done[seq] = true;
			word[seq] = true;
			off_channel();
			tell(seq, XRPC_REPLIED);
			/* and it is the reply to this request */
			assert(q == seq)
		:: else ->
			if
			:: call != XRPC_CALL_CANCELING ->
				call = XRPC_CALL_RECEIVING
			:: else
			fi
		fi
	:: q == seq && chan_state == XRPC_CHAN_CANCELING ->
		word[seq] = true;
		off_channel();
		done[seq] = true
	:: else
	fi
}

inline client_status(q, code)		/* xrpc_client_status() */
{
	if
	:: q != seq || chan_state == XRPC_CHAN_IDLE
	:: q == seq && chan_state == XRPC_CHAN_CANCELING ->
		if
		:: code >= REFUSED ->
			word[seq] = true;
			off_channel()
		:: else
		fi
	:: q == seq && chan_state == XRPC_CHAN_ACTIVE ->
		if
		:: code == IN_PROGRESS ->
			acked = true;
			if
			:: call == XRPC_CALL_SENDING ->
				call = XRPC_CALL_WAITING
			:: else
			fi
		:: code == NOCALL ->
			/*
			 * Of one that was acknowledged it is never said while
			 * the session lives.
			 */
			assert(!acked || call == XRPC_CALL_CANCELING);
			if
			:: call == XRPC_CALL_SENDING -> send_request()
			:: else
			fi
		:: code == REFUSED ->
			word[seq] = true;
			off_channel();
			tell(seq, XRPC_NOT_EXECUTED)
		:: code == LOST ->
			word[seq] = true;
			off_channel();
			tell(seq, XRPC_UNKNOWN)
		fi
	fi
}

proctype Client()
{
	byte q;

	do
	/* on_channel(): the next call */
	:: atomic { sess == XRPC_SESS_OPEN && chan_state == XRPC_CHAN_IDLE &&
		    seq < N ->
#ifndef BREAK_CHANNEL_HELD
		/* n is over for both sides before n+1 begins */
		assert(seq == 0 || word[seq]);
#endif
		assert(seq == 0 || told[seq] != NONE);
		seq++;
		chan_state = XRPC_CHAN_ACTIVE;
		call = XRPC_CALL_SENDING;
		first_sent = false;
		acked = false;
		if
		:: send_request()
		:: skip		/* the window is full */
		fi }
	/* xrpc_client_cancel() */
	:: atomic { chan_state == XRPC_CHAN_ACTIVE &&
		    (call == XRPC_CALL_SENDING || call == XRPC_CALL_WAITING) ->
		call = XRPC_CALL_CANCELING;
		cancel[seq] = true }
	/* packets arrive */
	:: atomic { sess == XRPC_SESS_OPEN ->
		select(q : 1 .. N);
		if
		:: reply[q] & 1 -> client_data(q, 1)
		:: reply[q] & 2 -> client_data(q, 2)
		:: status[q] & IN_PROGRESS -> client_status(q, IN_PROGRESS)
		:: status[q] & NOCALL -> client_status(q, NOCALL)
		:: status[q] & REFUSED -> client_status(q, REFUSED)
		:: status[q] & LOST -> client_status(q, LOST)
		/* ack_one() */
		:: ack[q] && q == seq && chan_state == XRPC_CHAN_ACTIVE ->
			acked = true;
			if
			:: call == XRPC_CALL_SENDING ->
				call = XRPC_CALL_WAITING
			:: else
			fi
		:: else
		fi;
		q = 0 }
	:: OVER -> break
	od
}

/* xrpc_timer(), client_due(); apart, so that packets do not hold it up */
proctype Timer()
{
	do
	/* client_call() */
	:: atomic { chan_state == XRPC_CHAN_ACTIVE && ticks < TICKS ->
		ticks++;
		if
		:: call == XRPC_CALL_SENDING -> send_request()
		:: call == XRPC_CALL_CANCELING -> cancel[seq] = true
		:: call == XRPC_CALL_WAITING || call == XRPC_CALL_RECEIVING ->
			probe[seq] = true
		:: abandon()	/* a deadline that is due earlier */
		fi }
	:: atomic { chan_state == XRPC_CHAN_ACTIVE && ticks == TICKS ->
		abandon() }
	/* canceling() */
	:: atomic { chan_state == XRPC_CHAN_CANCELING && ticks < TICKS ->
		ticks++;
		cancel[seq] = true }
#ifndef BREAK_GIVE_UP
	:: atomic { chan_state == XRPC_CHAN_CANCELING && ticks == TICKS ->
		session_close() }
#endif
	:: OVER -> break
	od
}

/* ---- the server ------------------------------------------------------ */

inline record(code)			/* xrpc_server_record() */
{
	s_call = NONE;
	s_have = 0;
	taken = false;
	s_state = XRPC_CHAN_VERDICT;
	s_verdict = code;
	status[s_seq] = status[s_seq] | code
}

/*
 * A new request is not taken: first recorded, then told. What stood in the
 * channel is done with.
 */
inline refuse(q)
{
#ifdef BREAK_RECORD_REFUSAL
	status[q] = status[q] | REFUSED
#else
	s_seq = q;
	record(REFUSED)
#endif
}

inline deliver()
{
	s_call = XRPC_CALL_QUEUED;
	taken = false
}

inline answer_again(q)
{
	if
	:: s_state == XRPC_CHAN_VERDICT ->
		status[q] = status[q] | s_verdict
	:: s_state != XRPC_CHAN_VERDICT && s_call == XRPC_CALL_QUEUED ->
		status[q] = status[q] | IN_PROGRESS
	:: s_state != XRPC_CHAN_VERDICT && s_call == XRPC_CALL_REPLIED ->
		reply[q] = WHOLE
	:: s_state != XRPC_CHAN_VERDICT && s_call == XRPC_CALL_ACKED ->
		status[q] = status[q] | LOST
	:: else				/* arriving, or never one */
	fi
}

#define HAS_CALL	(s_call == XRPC_CALL_QUEUED || \
			 s_call == XRPC_CALL_ARRIVING)

inline server_data(q, g)		/* xrpc_server_data() */
{
	if
	:: q > s_seq && HAS_CALL ->
		/* a channel carries one call at a time: no client does this */
		assert(false)
	:: q > s_seq && !HAS_CALL ->	/* new_request() */
		if
		:: sock ->
			s_seq = q;
			s_state = XRPC_CHAN_ACTIVE;
			s_call = XRPC_CALL_ARRIVING;
			s_have = g;
			taken = false
		:: refuse(q)		/* find_socket(): none, or no room */
		fi
	:: q == s_seq && s_call == XRPC_CALL_ARRIVING ->
		s_have = s_have | g;
		if
		:: s_have == WHOLE && sock -> deliver()
		:: s_have == WHOLE -> record(REFUSED)
		:: else
		fi
	:: q == s_seq && s_call != XRPC_CALL_ARRIVING ->
#ifdef BREAK_MARK
		if
		:: sock && s_call != XRPC_CALL_QUEUED ->
			s_state = XRPC_CHAN_ACTIVE;
			s_call = XRPC_CALL_ARRIVING;
			s_have = g;
			taken = false
		:: else -> answer_again(q)
		fi
#else
		answer_again(q)
#endif
	:: else				/* older */
	fi
}

inline server_cancel(q)			/* xrpc_server_cancel() */
{
	if
	:: q > s_seq && HAS_CALL -> assert(false)
	:: q > s_seq && !HAS_CALL ->
#ifdef BREAK_MARK_ON_CANCEL
		status[q] = status[q] | REFUSED
#else
		s_seq = q;
		record(REFUSED)		/* CANCELED */
#endif
	:: q == s_seq && s_call == XRPC_CALL_ARRIVING -> record(REFUSED)
	:: q == s_seq && s_call == XRPC_CALL_QUEUED && !taken ->
		record(REFUSED)
	:: q == s_seq && s_call == XRPC_CALL_QUEUED && taken ->
#ifdef BREAK_DELIVERED_IS_UNKNOWN
		record(REFUSED)
#else
		record(LOST)		/* DETACHED */
#endif
	:: q == s_seq && s_call != XRPC_CALL_ARRIVING &&
	   s_call != XRPC_CALL_QUEUED ->
		answer_again(q)
	:: else
	fi
}

proctype Server()
{
	byte q;

end:	do
	/* packets arrive */
	:: atomic { s_sess == XRPC_SESS_OPEN ->
		select(q : 1 .. N);
		if
		:: data[q] & 1 -> server_data(q, 1)
		:: data[q] & 2 -> server_data(q, 2)
		:: probe[q] && q > s_seq ->	/* xrpc_server_probe() */
			status[q] = status[q] | NOCALL
		:: probe[q] && q == s_seq -> answer_again(q)
		:: cancel[q] -> server_cancel(q)
		:: done[q] && q == s_seq && s_call == XRPC_CALL_REPLIED ->
			s_call = XRPC_CALL_ACKED	/* xrpc_server_acked() */
		/* the client ends the session: xrpc_open_closed() */
		:: close_sent ->
			s_sess = XRPC_SESS_CLOSED;
			s_call = NONE;
			s_state = XRPC_CHAN_IDLE
		:: else
		fi;
		q = 0 }
	/* xrpc_send_acks(): what was taken whole is acknowledged */
	:: atomic { s_sess == XRPC_SESS_OPEN && s_seq > 0 && !ack[s_seq] &&
		    s_call != NONE && s_call != XRPC_CALL_ARRIVING ->
		ack[s_seq] = true }
	/* xrpc_recv_take(): the application has it, which counts as running */
	:: atomic { s_call == XRPC_CALL_QUEUED && !taken && sock ->
		taken = true;
		assert(runs[s_seq] == 0);
		assert(told[s_seq] != XRPC_NOT_EXECUTED);
		runs[s_seq]++ }
	/* xrpc_server_answer() */
	:: atomic { s_call == XRPC_CALL_QUEUED && taken && sock ->
		s_call = XRPC_CALL_REPLIED;
		taken = false;
		reply[s_seq] = WHOLE }
	/* drop_oldest_reply() */
	:: atomic { s_call == XRPC_CALL_REPLIED -> record(LOST) }
	/* deliver() finds no room; expire(); an arriving one's give-up */
	:: atomic { s_call == XRPC_CALL_QUEUED && !taken -> record(REFUSED) }
	:: atomic { s_call == XRPC_CALL_ARRIVING -> record(REFUSED) }
	/* xrpc_sock_drain(): the process dies, the endpoint lingers */
	:: atomic { sock ->
		sock = false;
		if
		:: s_call == XRPC_CALL_QUEUED && taken ->
#ifdef BREAK_ABORTED
			record(REFUSED)
#else
			record(LOST)	/* ABORTED */
#endif
		:: s_call == XRPC_CALL_QUEUED && !taken ->
#ifdef BREAK_DRAIN_RECORDED
			/* refused, but not off the channel */
			status[s_seq] = status[s_seq] | REFUSED
#else
			record(REFUSED)
#endif
		:: else
		fi }
	/* another binds and adopts the endpoint */
	:: atomic { !sock -> sock = true }
	od
}

init
{
	atomic {
		run Client();
		run Timer();
		run Server()
	}
}

/* No call keeps its channel for ever: both timers run out. */
ltl ends { [] <> (chan_state == XRPC_CHAN_IDLE) }
