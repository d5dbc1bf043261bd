// SPDX-License-Identifier: GPL-2.0-only
/* The module: what it sets up, in order, and takes down in reverse. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "internal.h"

struct workqueue_struct *xrpc_wq;

static int __init xrpc_init(void)
{
	int err;

	BUILD_BUG_ON(sizeof(struct sockaddr_xrpc) > sizeof(struct sockaddr_storage));
	BUILD_BUG_ON(sizeof(struct xrpc_hdr) != XRPC_WIRE_HDR_LEN);
	BUILD_BUG_ON(sizeof(struct xrpc_data) != XRPC_WIRE_DATA_LEN);
	BUILD_BUG_ON(sizeof(struct xrpc_open) != XRPC_WIRE_OPEN_LEN);
	BUILD_BUG_ON(sizeof(struct xrpc_accept) != XRPC_WIRE_ACCEPT_LEN);

	err = xrpc_mem_init();
	if (err)
		return err;
	err = -ENOMEM;
	xrpc_wq = alloc_workqueue("xrpc", WQ_UNBOUND, 0);
	if (!xrpc_wq)
		goto free_mem;
	err = xrpc_call_init();
	if (err)
		goto free_wq;
	err = xrpc_session_init();
	if (err)
		goto free_calls;
	err = xrpc_net_init();
	if (err)
		goto free_sessions;
	err = xrpc_link_init();
	if (err)
		goto free_net;
	err = xrpc_vmfork_init();
	if (err)
		goto free_link;
	err = proto_register(&xrpc_proto, 1);
	if (err)
		goto free_vmfork;
	/* last: from here on user space may come */
	err = sock_register(&xrpc_family);
	if (err) {
		pr_err("address family %d is taken: error %d\n", AF_XRPC, err);
		goto free_proto;
	}
	return 0;

free_proto:
	proto_unregister(&xrpc_proto);
free_vmfork:
	xrpc_vmfork_exit();
free_link:
	xrpc_link_exit();
free_net:
	xrpc_net_exit();
free_sessions:
	rcu_barrier();
	xrpc_session_exit();
free_calls:
	xrpc_call_exit();
free_wq:
	destroy_workqueue(xrpc_wq);
free_mem:
	xrpc_mem_exit();
	return err;
}

/*
 * No socket is left: each pins the module.  What is left are endpoints that
 * linger, their sessions and timers, which the namespaces' exit ends; packets
 * that look at them under RCU; and memory on its way through call_rcu(), where
 * freeing one object may queue the next.
 */
static void __exit xrpc_exit(void)
{
	sock_unregister(AF_XRPC);
	proto_unregister(&xrpc_proto);
	xrpc_vmfork_exit();
	xrpc_link_exit();
	xrpc_net_exit();
	synchronize_rcu();
	rcu_barrier();
	destroy_workqueue(xrpc_wq);
	xrpc_session_exit();
	xrpc_call_exit();
	xrpc_mem_exit();
}

module_init(xrpc_init);
module_exit(xrpc_exit);

MODULE_DESCRIPTION("XRPC: reliable remote procedure calls as a socket family");
MODULE_LICENSE("GPL");
MODULE_ALIAS_NETPROTO(AF_XRPC);
