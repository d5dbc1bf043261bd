/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters of a namespace, shown in /proc/net/xrpc/stats. */
#ifndef XRPC_MIB_H
#define XRPC_MIB_H

#define XRPC_MIBS(X)							\
	X(PktsIn)	/* packets taken */				\
	X(PktsOut)	/* packets sent */				\
	X(CallsOut)	/* calls begun by clients here */		\
	X(CallsReplied)	/* that ended with a reply */			\
	X(CallsNotExecuted) /* that ended not executed */		\
	X(CallsUnknown)	/* that ended unknown */			\
	X(CallsIn)	/* requests queued at sockets here */		\
	X(CallsAnswered) /* requests answered here */			\
	X(Retrans)	/* data packets sent again */			\
	X(Timeouts)	/* probe time-outs */				\
	X(LossDetected)	/* packets found lost by acknowledgements */	\
	X(AcksOut)	/* explicit acknowledgements sent */		\
	X(DupPackets)	/* packets received twice */			\
	X(DupRequests)	/* requests received again, not executed */	\
	X(DupReplies)	/* replies received again */			\
	X(Probes)	/* probes sent */				\
	X(Cancels)	/* CANCEL frames sent */			\
	X(Busy)		/* requests refused for a full queue */		\
	X(Refused)	/* requests for no service */			\
	X(Aborted)	/* requests given up after delivery */		\
	X(RepliesDropped) /* kept replies given up for the budget */	\
	X(SessionsOpened) /* by clients elsewhere */			\
	X(SessionsClosed)						\
	X(SessionsForgotten) /* before their time, for want of room */	\
	X(VmForks)	/* restores of this machine from a snapshot */	\
	X(TokensMinted)							\
	X(Tokenless)	/* replayable calls taken without a token */	\
	X(TokenRetry)	/* opening packets without a good token */	\
	X(NoSession)	/* packets for a connection id not known */	\
	X(Icmp)		/* ICMP errors about a packet under way */	\
	X(DropIcmp)	/* ICMP errors about none */			\
	X(DropChecksum)	/* UDP checksum of zero */			\
	X(DropVersion)	/* another version or form */			\
	X(DropMalformed)						\
	X(DropState)	/* contradicts what is known */			\
	X(DropLimit)	/* a table is full */				\
	X(DropNoMem)							\
	X(DropUnproven)	/* not sent: client not proven to be there */	\
	X(DropWindow)	/* reply with no room at the client */		\
	X(DropRoute)	/* not sent: no route */

enum xrpc_mib_item {
#define X(n) XRPC_MIB_##n,
	XRPC_MIBS(X)
#undef X
	XRPC_MIB_MAX
};

struct xrpc_mib {
	unsigned long v[XRPC_MIB_MAX];
};

#endif /* XRPC_MIB_H */
