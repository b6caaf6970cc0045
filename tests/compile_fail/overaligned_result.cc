// expect: results with extended alignment
#include "crank/async/task.h"

struct alignas(64) Line {
  char bytes[64];
};
crank::Task<Line> work() { co_return Line(); }
