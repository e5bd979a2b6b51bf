#include "storage/registry/hooks.h"

#include "storage/testing/registry_fixture.h"

namespace tarn::registry {
namespace {

class HooksTest : public RegistryFixture {
 protected:
  Hooks hooks_{&store_, {}, &clock_, &random_};
  static HookSpec Spec(HookType type = HookType::kPackage, const std::string& name = "left-pad") {
    return {type, name, "https://hooks.example/in?key=1", "shh"};
  }
};

TEST_F(HooksTest, CreatesListsUpdatesAndRemovesWithoutEverShowingTheSecret) {
  const Principal ann = AddUser("ann");
  auto hook = hooks_.Create(ann, Spec());
  ASSERT_TRUE(hook.ok()) << hook.status().ToString();
  EXPECT_EQ(hook->id.size(), 20u);
  EXPECT_EQ(hook->record.user, "ann");
  EXPECT_EQ(hook->record.secret, "");
  EXPECT_EQ(hook->status, HookStatus::kActive);
  clock_.AdvanceMs(1000);
  const auto updated = hooks_.Update(ann, hook->id, "https://other.example/", std::nullopt);
  ASSERT_TRUE(updated.ok()) << updated.status().ToString();
  EXPECT_EQ(updated->record.endpoint, "https://other.example/");
  EXPECT_EQ(updated->record.generation, hook->record.generation + 1);
  EXPECT_EQ(updated->record.updated_ms, hook->record.created_ms + 1000);
  EXPECT_EQ(updated->record.secret, "");
  // It keeps the secret, all the same.
  const auto view = store_.NewReadView();
  EXPECT_EQ(DecodeHook(**(*view)->Get(engine::Family::kHook, hook->id))->secret, "shh");
  const auto list = hooks_.List(ann, {});
  ASSERT_TRUE(list.ok());
  ASSERT_EQ(list->size(), 1u);
  EXPECT_EQ(list->front().record.endpoint, "https://other.example/");
  EXPECT_EQ(list->front().record.secret, "");
  ASSERT_TRUE(hooks_.Remove(ann, hook->id).ok());
  EXPECT_EQ(hooks_.Get(ann, hook->id).code(), Code::kNotFound);
  const auto after = store_.NewReadView();
  EXPECT_FALSE((*after)->Get(engine::Family::kSetting, HookDeliveryKey(hook->id))->has_value());
}

TEST_F(HooksTest, OthersHooksDoNotExist) {
  const Principal ann = AddUser("ann");
  const Principal bob = AddUser("bob");
  const auto hook = hooks_.Create(ann, Spec());
  ASSERT_TRUE(hook.ok());
  const Status missing = hooks_.Get(bob, "0123456789abcdef0123").status();
  EXPECT_EQ(hooks_.Get(bob, hook->id).status().ToString(), missing.ToString());
  EXPECT_EQ(hooks_.Remove(bob, hook->id).status().ToString(), missing.ToString());
  EXPECT_EQ(hooks_.Update(bob, hook->id, "https://x.example/", "s").status().ToString(), missing.ToString());
  EXPECT_TRUE(hooks_.List(bob, {})->empty());
  EXPECT_EQ(hooks_.List(Principal::Anonymous(), {}).code(), Code::kUnauthenticated);
  EXPECT_EQ(hooks_.List(Principal::System(), {})->size(), 1u);
  Principal reader = ann;
  reader.may_write = false;
  EXPECT_EQ(hooks_.Create(reader, Spec()).code(), Code::kPermissionDenied);
  EXPECT_EQ(hooks_.Remove(reader, hook->id).code(), Code::kPermissionDenied);
  Principal limited = ann;
  TokenLimits limits;
  limits.all_packages = true;
  limits.packages_permission = TokenPermission::kWrite;
  limited.limits = std::make_shared<const TokenLimits>(limits);
  EXPECT_EQ(hooks_.Create(limited, Spec()).code(), Code::kPermissionDenied) << "it would read what the token may not";
  EXPECT_EQ(hooks_.Remove(limited, hook->id).code(), Code::kPermissionDenied);
  EXPECT_EQ(hooks_.Get(limited, hook->id).code(), Code::kPermissionDenied);
  EXPECT_EQ(hooks_.List(limited, {}).code(), Code::kPermissionDenied);
  EXPECT_EQ(hooks_.Get(ann, std::string("a\0b", 3)).code(), Code::kNotFound);
}

TEST_F(HooksTest, FiltersAndPages) {
  const Principal ann = AddUser("ann");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(hooks_.Create(ann, Spec()).ok());
  ASSERT_TRUE(hooks_.Create(ann, Spec(HookType::kScope, "ann")).ok());
  EXPECT_EQ(hooks_.List(ann, {.name = "left-pad"})->size(), 3u);
  EXPECT_EQ(hooks_.List(ann, {.name = "@ann"})->size(), 1u);
  const auto first = hooks_.List(ann, {.name = {}, .limit = 3, .offset = 0});
  const auto second = hooks_.List(ann, {.name = {}, .limit = 3, .offset = 3});
  EXPECT_EQ(first->size(), 3u);
  ASSERT_EQ(second->size(), 1u);
  EXPECT_GT(second->front().id, first->back().id);
}

TEST_F(HooksTest, RefusesWhatMakesNoHook) {
  const Principal ann = AddUser("ann");
  const auto refused = [&](HookSpec spec) { return hooks_.Create(ann, spec).code() == Code::kInvalidArgument; };
  EXPECT_TRUE(refused({HookType::kPackage, "", "https://a.example/", "s"}));
  EXPECT_TRUE(refused({HookType::kScope, "@a/b", "https://a.example/", "s"}));
  EXPECT_TRUE(refused({HookType::kOwner, "a b", "https://a.example/", "s"}));
  EXPECT_TRUE(refused({HookType::kPackage, "a", "https://a.example/", ""}));
  EXPECT_TRUE(refused({HookType::kPackage, "a", "https://a.example/", std::string(513, 's')}));
  for (const char* endpoint :
       {"", "ftp://a.example/", "a.example", "https://me:pw@a.example/", "http://127.0.0.1/", "http://localhost:80/",
        "http://a.localhost/", "http://[::1]/", "http://10.0.0.1/", "http://169.254.169.254/latest"}) {
    EXPECT_TRUE(refused({HookType::kPackage, "a", endpoint, "s"})) << endpoint;
  }
  EXPECT_TRUE(refused({HookType::kPackage, "a", "https://a.example/" + std::string(2048, 'x'), "s"}));
  Hooks open(&store_, {.allow_private_addresses = true}, &clock_, &random_);
  EXPECT_TRUE(open.Create(ann, {HookType::kOwner, "~bob", "http://127.0.0.1:1/", "s"}).ok());
  EXPECT_EQ(open.List(ann, {})->front().record.name, "bob");
}

TEST_F(HooksTest, AUserHasAHundred) {
  const Principal ann = AddUser("ann");
  for (size_t i = 0; i < limits::kHooksPerUserMax; ++i) ASSERT_TRUE(hooks_.Create(ann, Spec()).ok());
  EXPECT_EQ(hooks_.Create(ann, Spec()).code(), Code::kResourceExhausted);
  EXPECT_TRUE(hooks_.Create(AddUser("bob"), Spec()).ok());
}

TEST_F(HooksTest, ReplayMovesThePositionBack) {
  const Principal ann = AddUser("ann");
  const auto hook = hooks_.Create(ann, Spec());
  const auto replayed = hooks_.Replay(Principal::System(), hook->id, Lsn(1));
  ASSERT_TRUE(replayed.ok()) << replayed.status().ToString();
  EXPECT_EQ(replayed->delivery.position_lsn, 0u);
  EXPECT_EQ(hooks_.Get(ann, hook->id)->delivery.position_lsn, 0u);
  EXPECT_EQ(hooks_.Get(ann, hook->id)->lag_lsn, store_.last_lsn().value());
  EXPECT_EQ(hooks_.Replay(Principal::System(), hook->id, Lsn(0)).code(), Code::kInvalidArgument);
  EXPECT_EQ(hooks_.Replay(Principal::System(), hook->id, Lsn(1000)).code(), Code::kInvalidArgument);
  EXPECT_EQ(hooks_.Replay(Principal::System(), "nothing", Lsn(1)).code(), Code::kNotFound);
}

TEST(HookRecords, SurviveTheirBytes) {
  const HookRecord hook{"ann", 7, HookType::kScope, "@ann", "https://a.example/", "s", 1, 2, 3};
  EXPECT_EQ(*DecodeHook(Encode(hook)), hook);
  const HookDeliveryRecord delivery{1, 2, 3, 404, 5, "no"};
  EXPECT_EQ(*DecodeHookDelivery(Encode(delivery)), delivery);
  EXPECT_EQ(DecodeHook("THOK").code(), Code::kCorruption);
  EXPECT_EQ(DecodeHookDelivery(Encode(hook)).code(), Code::kCorruption);
}

TEST(HookRecords, FailingForAWeekIsSuspended) {
  HookDeliveryRecord delivery;
  EXPECT_EQ(StatusOf(delivery, 1), HookStatus::kActive);
  delivery.failing_since_ms = 1000;
  EXPECT_EQ(StatusOf(delivery, 1000 + limits::kHookGiveUpMs), HookStatus::kFailing);
  EXPECT_EQ(StatusOf(delivery, 1001 + limits::kHookGiveUpMs), HookStatus::kSuspended);
}

}  // namespace
}  // namespace tarn::registry
