/* SPDX-License-Identifier: GPL-2.0-only */
/* What wire.c and the other pure files use of the kernel, for user space. */
#ifndef XRPC_WIRE_USER_H
#define XRPC_WIRE_USER_H

#include <asm/byteorder.h>
#include <endian.h>
#include <errno.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define be16_to_cpu(v)	be16toh(v)
#define be32_to_cpu(v)	be32toh(v)
#define cpu_to_be16(v)	htobe16(v)
#define cpu_to_be32(v)	htobe32(v)

#endif /* XRPC_WIRE_USER_H */
