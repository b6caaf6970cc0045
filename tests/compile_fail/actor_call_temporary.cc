// expect: temporary whose address is used as value of local variable 'call'
#include <string>

#include "crank/async/actor.h"

class Index : public crank::Actor {
 public:
  crank::Task<std::size_t> add(const std::string& word) { co_return size_ += word.size(); }

 private:
  std::size_t size_ = 0;
};
crank::Task<std::size_t> caller(crank::ActorRef<Index> index) {
  auto call = index.call(&Index::add, std::string("gone at the end of this line"));
  co_return co_await std::move(call);
}
