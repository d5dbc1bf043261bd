// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tokens: proof that a client receives at the address it sends from.
 *
 * A token is the time it was minted, in microseconds, and a SipHash of that,
 * the endpoint's epoch and the client's address and port, under a secret of the
 * endpoint.  The server keeps no state for it.
 */
#include "internal.h"

#define FUTURE_MAX	(1000000ULL)	/* microseconds */

struct token_input {
	u64		epoch;
	u64		minted;
	struct in6_addr	addr;
	u64		port;
} __aligned(SIPHASH_ALIGNMENT);

static u64 token_mac(const struct xrpc_endpoint *ep,
		     const struct in6_addr *addr, __be16 port, u64 minted)
{
	struct token_input in = {
		.epoch = ep->epoch,
		.minted = minted,
		.addr = *addr,
		.port = be16_to_cpu(port),
	};

	return siphash(&in, sizeof(in), &ep->token_key);
}

/**
 * xrpc_token_mint() - make a token
 * @ep: endpoint it opens sessions at
 * @addr: client's address
 * @port: client's port
 * @now: monotonic ns
 * @t: receives it
 */
void xrpc_token_mint(const struct xrpc_endpoint *ep, const struct in6_addr *addr,
		     __be16 port, u64 now, struct xrpc_token *t)
{
	u64 minted = div_u64(now, NSEC_PER_USEC);

	xrpc_put64(t->w, minted);
	xrpc_put64(t->w + 2, token_mac(ep, addr, port, minted));
}

/**
 * xrpc_token_ok() - judge a token
 * @ep: endpoint
 * @addr: address the packet with it came from
 * @port: port it came from
 * @now: monotonic ns
 * @t: token
 */
bool xrpc_token_ok(const struct xrpc_endpoint *ep, const struct in6_addr *addr,
		   __be16 port, u64 now, const struct xrpc_token *t)
{
	u64 minted = xrpc_get64(t->w), us = div_u64(now, NSEC_PER_USEC);

	/* 64 bits compare at once: no prefix of the MAC can be felt out */
	if (xrpc_get64(t->w + 2) != token_mac(ep, addr, port, minted))
		return false;
	if (minted > us + FUTURE_MAX)
		return false;
	return minted + XRPC_TOKEN_LIFETIME / NSEC_PER_USEC >= us;
}
