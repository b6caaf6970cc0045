// Five points of one actor's method, and the executor at each: inherited tasks stay, detached ones do not, and the code after
// an await is back. Printed from a pool of three threads: the thread may change, the executor does not.
#include <cstdio>

#include "crank/async/actor.h"
#include "crank/async/spawn.h"
#include "crank/async/sync_wait.h"

bool as_promised = true;

class Database : public crank::Actor {
 public:
  crank::Task<> save() {
    say("A", "in the method");
    co_await crank::spawn(point(this, "B", "in a task it spawned"));
    say("C", "after awaiting that");
    co_await crank::spawn_detached(point(this, "D", "in a detached task"));
    say("E", "after awaiting that");
  }

 private:
  void say(const char* point, const char* where) const {
    bool here = crank::current_executor() == executor();
    std::printf("%s  %-22s %s\n", point, where, here ? "database" : "default");
    as_promised = as_promised && here == (*point != 'D');
  }
  static crank::Task<> point(const Database* database, const char* name, const char* where) {
    database->say(name, where);
    co_return;
  }
};

crank::Task<> program() {
  auto database = crank::make_actor<Database>();
  co_await database.call(&Database::save);
}

int main() {
  crank::Pool pool({.threads = 3});
  crank::sync_wait(pool, program());
  return as_promised ? 0 : 1;
}
