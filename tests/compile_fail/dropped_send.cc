// expect: 'Send<int>' declared with 'nodiscard' attribute: co_await it
#include "crank/async/channel.h"

void f(crank::Channel<int>& channel) { channel.send(1); }
