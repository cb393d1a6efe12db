#!/bin/sh
# Runs a command without address space randomisation where that is allowed: ThreadSanitizer of GCC 12 does not start under the 32 random bits of newer kernels.
if setarch -R true 2>/dev/null; then
  exec setarch -R "$@"
fi
exec "$@"
