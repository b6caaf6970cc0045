#include "crank/component/inspect.h"

#include <gmock/gmock.h>

#include "crank/component/component_text.h"

namespace crank::component {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view importer = R"((component $app
  (import "shop:api/types@1.0.0" (instance $t
    (export "item" (type $item (sub resource)))
    (export "thing" (type (eq $item)))
    (type $order' (record (field "id" u32) (field "items" (list (own $item)))))
    (export "order" (type $order (eq $order')))
    (export "place" (func async (param "o" $order) (result (result (error string)))))))
  (import "log" (func (param "text" string)))))";

constexpr std::string_view provider = R"((component
  (import "p" (instance $t
    (export "item" (type $item (sub resource)))
    (export "thing" (type (eq $item)))
    (type $order' (record (field "id" u32) (field "items" (list (own $item)))))
    (export "order" (type $order (eq $order')))
    (export "place" (func async (param "o" $order) (result (result (error string)))))))
  (export "shop:api/types@1.4.0" (instance $t))))";

TEST(Inspect, ItReadsLikeTheInterfacesItIsMadeOf) {
  EXPECT_EQ(to_string(inspect(*program_of(importer))), R"(component app: 1 instances, 0 core modules, 0 bytes of them
imports
  (top level)
    log: func(text: string)
  shop:api/types@1.0.0
    resource item
    type thing = item
    type order = record { id: u32, items: list<item> }
    place: async func(o: order) -> result<_, string>
)");
}

TEST(Inspect, ItSaysWhoCouldFillAnImport) {
  auto program = program_of(importer), fits = program_of(provider);
  auto stranger = program_of("(component (import \"p\" (instance)) (export \"shop:api/types@1.0.0\" (instance 0)))");
  Provider providers[] = {{"stranger", stranger.get()}, {"shop", fits.get()}};
  auto found = inspect(*program, providers, [](std::string_view interface, std::string_view name) {
    return interface.empty() && name == "log";
  });
  ASSERT_EQ(found.imports.size(), 2u);
  EXPECT_THAT(found.imports[0].filled_by, ElementsAre("host"));
  EXPECT_THAT(found.imports[1].filled_by, ElementsAre("shop"));
  auto alone = inspect(*program, std::span(providers).first(1));
  EXPECT_THAT(alone.imports[1].filled_by, ElementsAre());
  EXPECT_THAT(alone.imports[1].why_not, HasSubstr("stranger: linking"));
}

TEST(Inspect, GroupsSayWhyTheyMayBlock) {
  auto program = program_of(R"((component
    (core func $yield (canon thread.yield))
    (core module $m (import "" "y" (func (result i32))))
    (core instance (instantiate $m (with "" (instance (export "y" (func $yield))))))))");
  auto found = inspect(*program);
  ASSERT_EQ(found.groups.size(), 1u);
  EXPECT_TRUE(found.groups[0].may_block);
  EXPECT_THAT(found.groups[0].waits_in, ElementsAre("thread.yield"));
  EXPECT_THAT(found.groups[0].instances, ElementsAre("root"));
}

}  // namespace
}  // namespace crank::component
