// The pools the rows run on, made once: one worker, and two.
#pragma once

#include "crank/async/pool.h"
#include "crank/async/sync_wait.h"

namespace bench {

crank::Pool& pool_of(unsigned threads);

template <class T>
T run_on(unsigned threads, crank::Task<T> body) {
  return crank::sync_wait(pool_of(threads).runtime(), std::move(body));
}
template <class T>
T run_on_one(crank::Task<T> body) {
  return run_on(1, std::move(body));
}

}  // namespace bench
