// For functions that hot code hardly ever calls. Such a function saves the registers it uses itself, all of them, so that
// the straight path around a call to it saves and restores none: on small operations that is a good part of what they cost.
#pragma once

#if defined(__x86_64__) || defined(__aarch64__)
#define CRANK_COLD [[gnu::cold, gnu::noinline, clang::preserve_most]]
#else
#define CRANK_COLD [[gnu::cold, gnu::noinline]]
#endif
