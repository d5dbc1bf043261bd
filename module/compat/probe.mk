# SPDX-License-Identifier: GPL-2.0-only
# What differs between kernels, found out by looking at their headers: a macro
# is defined where the header has the words.

xrpc-probe = $(if $(shell grep -Fs '$(strip $(2))' $(srctree)/include/$(1)),-D$(3))

open-paren := (
comma := ,
xrpc-probes := $(call xrpc-probe,linux/net.h,struct sockaddr_unsized,XRPC_HAVE_SOCKADDR_UNSIZED)
xrpc-probes += $(call xrpc-probe,net/udp_tunnel.h,udp_tunnel_sock_release$(open-paren)struct sock *sk,XRPC_HAVE_TUNNEL_SOCK)
xrpc-probes += $(call xrpc-probe,linux/hrtimer.h,void hrtimer_setup$(open-paren),XRPC_HAVE_HRTIMER_SETUP)
xrpc-probes += $(call xrpc-probe,net/net_namespace.h,register_net_sysctl_sz,XRPC_HAVE_SYSCTL_SIZE)
xrpc-probes += $(call xrpc-probe,linux/net.h,SOCK_CUSTOM_SOCKOPT,XRPC_HAVE_CUSTOM_SOCKOPT)
xrpc-probes += $(call xrpc-probe,linux/udp.h,__be16 port$(comma) u32 info$(comma) u8 *payload,XRPC_HAVE_ERR_RCV_PAYLOAD)
xrpc-probes += $(if $(wildcard $(srctree)/include/net/proto_memory.h),-DXRPC_HAVE_PROTO_MEMORY)
xrpc-probes += $(if $(wildcard $(srctree)/include/linux/unaligned.h),-DXRPC_HAVE_LINUX_UNALIGNED)
