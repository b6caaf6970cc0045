// The same three steps twice: as callbacks, and as awaits. The second reads like what it does, and its error has one way out.
#include <cstdio>
#include <functional>
#include <string>

#include "crank/async/manual_executor.h"
#include "crank/async/or_return.h"
#include "crank/base/result.h"

using Answer = crank::Result<std::string>;

void user_then(int id, const std::function<void(Answer)>& done) { done("user " + std::to_string(id)); }
void posts_then(const std::string& user, const std::function<void(Answer)>& done) { done("posts of " + user); }
void render_then(const std::string& posts, const std::function<void(Answer)>& done) { done("page with " + posts); }

void page_then(int id, const std::function<void(Answer)>& done) {
  user_then(id, [done](Answer user) {
    if (!user) return done(user);
    posts_then(*user, [done](Answer posts) {
      if (!posts) return done(posts);
      render_then(*posts, [done](Answer page) { done(page); });
    });
  });
}

crank::Task<Answer> user(int id) { co_return "user " + std::to_string(id); }
crank::Task<Answer> posts(std::string user) { co_return "posts of " + user; }
crank::Task<Answer> render(std::string posts) { co_return "page with " + posts; }

crank::Task<Answer> page(int id) {
  auto who = co_await crank::or_return(co_await user(id));
  auto what = co_await crank::or_return(co_await posts(who));
  co_return co_await render(what);
}

int main() {
  page_then(7, [](Answer page) { std::printf("callbacks: %s\n", page->c_str()); });
  crank::ManualExecutor manual;
  std::printf("awaits:    %s\n", manual.run(page(7))->c_str());
}
