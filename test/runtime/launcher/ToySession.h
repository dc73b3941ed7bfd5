// The toy model on a backend for tests, from the checkpoint to a session; what a test leaves behind is looked at.
#pragma once

#include "FakeBackend.h"
#include "Toy.h"
#include "runtime/launcher/Generation.h"

namespace toy {

class SessionTest : public testing::Test {
protected:
  void make(const dsrt::Session::Options &options, bool elsewhere = false, float firstOfTable = 0) {
    makeOn(fake::backend(elsewhere), "toy", options, firstOfTable);
  }
  void makeOn(const dsrt_backend *backend, const std::string &name, const dsrt::Session::Options &options, float firstOfTable = 0) {
    using namespace dsrt;
    writeCheckpoint(folder, 16, firstOfTable);
    Expected<Artifact> opened = Artifact::open(toy::artifact(name));
    ASSERT_TRUE(opened) << opened.status().message();
    artifact = std::make_unique<dsrt::Artifact>(std::move(*opened));
    Status status = artifact->load();
    ASSERT_TRUE(status.ok()) << status.message();
    context.backend = backend;
    context.state = &state;
    Expected<Checkpoint> checkpoint = Checkpoint::open(folder.path);
    ASSERT_TRUE(checkpoint) << checkpoint.status().message();
    LoadOptions load{context.backend, context.state, 1, {}, nullptr};
    Expected<std::unique_ptr<ResidentWeights>> loaded = loadWeights(artifact->manifest(), *checkpoint, load);
    ASSERT_TRUE(loaded) << loaded.status().message();
    weights = std::move(*loaded);
    Expected<std::unique_ptr<Session>> made = Session::create(*artifact, *weights, context, options);
    ASSERT_TRUE(made) << made.status().message();
    session = std::move(*made);
  }
  void TearDown() override {
    session.reset();
    weights.reset();
    EXPECT_EQ(state.live, 0);
    EXPECT_EQ(state.prepared, 0);
    EXPECT_EQ(state.liveGraphs, 0);
  }

  Folder folder;
  fake::State state;
  dsrt_context context;
  std::unique_ptr<dsrt::Artifact> artifact;
  std::unique_ptr<dsrt::ResidentWeights> weights;
  std::unique_ptr<dsrt::Session> session;
};

} // namespace toy
