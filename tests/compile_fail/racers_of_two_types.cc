// expect: the racers answer one type
#include "crank/async/race.h"

crank::Task<int> one() { co_return 1; }
crank::Task<long> two() { co_return 2; }
crank::Task<int> caller() { co_return co_await crank::race(one(), two()); }
