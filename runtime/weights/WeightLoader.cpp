// Loading: for each parameter of the manifest a map of what is stored, a gathered copy, or the conversion piece by piece. Where the
// backend's memory is not the host's, pieces are uploaded as they are made: the host never holds a whole parameter.
// Pages of the checkpoint are given back as soon as they have been read, so that memory holds what is resident, one
// parameter's source, and no more.
#include "runtime/weights/WeightLoader.h"

#include "runtime/numerics/Codecs.h"
#include "runtime/numerics/Quantize.h"
#include "runtime/weights/WeightSteps.h"

#include <cmath>
#include <cstring>
#include <map>
#include <mutex>
#include <new>
#include <sys/mman.h>
#include <thread>
#include <unistd.h>

using namespace dsrt;

namespace {

/// Runs fn(0) .. fn(count - 1) on up to `threads` threads; the status of the lowest index that failed.
Status inParallel(int threads, int64_t count, const std::function<Status(int64_t)> &fn) {
  std::atomic<int64_t> next = 0;
  std::mutex lock;
  int64_t failedAt = count;
  Status failure;
  auto work = [&] {
    for (int64_t item; (item = next.fetch_add(1)) < count;) {
      Status status;
      try {
        status = fn(item);
      } catch (const std::bad_alloc &) {
        status = Status(DSRT_OUT_OF_MEMORY, "out of memory while converting a weight");
      }
      std::lock_guard guard(lock);
      if (!status.ok() && item < failedAt)
        failedAt = item, failure = status;
    }
  };
  std::vector<std::thread> team;
  for (int64_t t = 1; t < std::min<int64_t>(threads, count); ++t)
    team.emplace_back(work);
  work();
  for (std::thread &thread : team)
    thread.join();
  return failure;
}

/// The whole pages inside [data, data + bytes) leave memory; the map reads them from the file again where someone asks.
void dropPages(const uint8_t *data, uint64_t bytes) {
  uintptr_t page = uintptr_t(sysconf(_SC_PAGESIZE)), begin = (uintptr_t(data) + page - 1) / page * page,
            end = (uintptr_t(data) + bytes) / page * page;
  if (begin < end)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

/// A value of [-1, 1) for each index: splitmix64 (Steele, Lea, Flood 2014), a counter-based generator.
float uniform(uint64_t seed, uint64_t index) {
  uint64_t z = seed + (index + 1) * 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return float(int64_t(z ^ (z >> 31)) >> 40) * 0x1p-23f;
}

} // namespace

namespace dsrt {

class WeightLoader {
public:
  WeightLoader(const Manifest &manifest, const Checkpoint *checkpoint, const LoadOptions &options)
      : manifest(manifest), checkpoint(checkpoint), options(options) {}

  Expected<std::unique_ptr<ResidentWeights>> load() {
    // Backends work in the host's memory where theirs is the host's: then what is stored can be used in place.
    hostMemory = std::string_view(options.backend->name) == "cpu";
    weights.reset(new ResidentWeights);
    weights->backend = options.backend;
    weights->state = options.state;
    if (checkpoint)
      weights->files = checkpoint->files();
    Expected<WeightsMemory> memory = measureWeights(manifest, options.threads);
    if (!memory)
      return memory.status();
    total = memory->read;
    // A device rounds each allocation up, by a megabyte on average: there all parameters share one.
    if (!hostMemory)
      if (Status status = allocate(memory->resident + 2 * partAlignment * manifest.parameters.size(), weights->shared); !status.ok())
        return status;
    shareCopies();
    std::map<std::string, const ResidentWeights::Entry *> loaded;
    for (const ManifestParameter &parameter : manifest.parameters) {
      const ResidentWeights::Entry *&entry = loaded[copyKey(parameter)];
      if (!entry) {
        auto fresh = std::make_unique<ResidentWeights::Entry>();
        ResidentWeights::Entry &reference = *fresh;
        weights->entries.push_back(std::move(fresh)); // owned first: what it allocates is freed on every way out
        if (Status status = loadOne(parameter, reference); !status.ok())
          return Status(status.code(), parameter.path + ": " + status.message());
        entry = &reference;
      }
      weights->order.push_back(&entry->weight);
    }
    return std::move(weights);
  }

private:
  using Entry = ResidentWeights::Entry;

  /// What a shared copy is used for is what all of its parameters are used for.
  void shareCopies() {
    for (const ManifestParameter &parameter : manifest.parameters)
      uses[copyKey(parameter)] |= parameter.use;
  }

  Status loadOne(const ManifestParameter &parameter, Entry &entry) {
    if (checkpoint)
      for (const std::shared_ptr<MappedFile> &file : checkpoint->files())
        if (Status status = file->checkUnchanged(); !status.ok())
          return status;
    WeightExtents extents = extentsOf(parameter);
    entry.path = parameter.path;
    entry.weight.path = entry.path.c_str();
    entry.weight.experts = extents.experts, entry.weight.rows = extents.rows, entry.weight.cols = extents.cols;
    entry.weight.use = uses[copyKey(parameter)];
    entry.weight.format = parameter.resident();

    bool inPlace = checkpoint && parameter.through.empty() && hostMemory && extents.experts == 1;
    Status status = inPlace ? mapOrCopy(parameter, extents, entry) : convertParameter(parameter, extents, entry);
    if (!status.ok())
      return status;
    if (Status status = prepare(parameter, entry); !status.ok())
      return status;
    uint64_t payload = 0, scales = 0;
    formatBytes(parameter.stored, extents.experts, extents.rows, extents.cols, payload, scales);
    done += payload + scales;
    if (options.progress)
      options.progress(done, total);
    return {};
  }

  /// Where the tensor's bytes are.
  const uint8_t *bytesOf(const std::string &tensor, uint64_t *size = nullptr) const {
    const TensorInfo *info = checkpoint->find(tensor);
    if (size)
      *size = checkpoint->byteSize(*info);
    return checkpoint->bytes(*info);
  }

  /// The scales of one tensor as F32, `count` of them, which a checkpoint may hold as UE8M0.
  Status readScales(const std::string &tensor, uint64_t count, float *scales) const {
    const uint8_t *bytes = bytesOf(tensor);
    dsrt_dtype dtype = toDtype(checkpoint->find(tensor)->type);
    if (dtype != DSRT_F32)
      return convert(dtype, bytes, DSRT_F32, scales, count);
    memcpy(scales, bytes, count * sizeof(float));
    return {};
  }

  Status mapOrCopy(const ManifestParameter &parameter, const WeightExtents &extents, Entry &entry) {
    const uint8_t *stored = bytesOf(tensorOfExpert(parameter.tensor, parameter.firstExpert));
    size_t alignment = elementBytes(parameter.stored.payload);
    if (alignment > 1 && uintptr_t(stored) % alignment != 0)
      return convertParameter(parameter, extents, entry); // an odd header: elements cannot be read in place
    entry.weight.data = stored;
    if (parameter.stored.scale == DSRT_NONE)
      return {};
    std::string scalesName = tensorOfExpert(parameter.scales, parameter.firstExpert);
    const uint8_t *scales = bytesOf(scalesName);
    if (checkpoint->find(scalesName)->type == FileType::F32 && uintptr_t(scales) % alignof(float) == 0) {
      entry.weight.scales = reinterpret_cast<const float *>(scales);
      return {};
    }
    uint64_t payloadBytes = 0, scaleBytes = 0;
    formatBytes(parameter.stored, extents.experts, extents.rows, extents.cols, payloadBytes, scaleBytes);
    entry.hostScales.resize(scaleBytes / sizeof(float));
    entry.weight.scales = entry.hostScales.data();
    return readScales(scalesName, entry.hostScales.size(), entry.hostScales.data());
  }

  Status allocate(uint64_t bytes, void *&memory) const {
    return backendStatus(options.backend->allocate(options.state, bytes, &memory),
                         format("allocate %llu bytes", (unsigned long long)bytes).c_str());
  }

  /// Memory for a payload or for scales: a part of what all share, or the parameter's own, which `own` then keeps.
  Status place(uint64_t bytes, void *&own, void *&memory) {
    if (!weights->shared) {
      Status status = allocate(bytes, own);
      memory = own;
      return status;
    }
    memory = static_cast<char *>(weights->shared) + placed;
    placed += (bytes + partAlignment - 1) / partAlignment * partAlignment;
    return {};
  }

  /// Fills memory of the backend, by way of the host's where they differ.
  Status convertParameter(const ManifestParameter &parameter, const WeightExtents &extents, Entry &entry) {
    uint64_t payloadBytes = 0, scaleBytes = 0;
    formatBytes(parameter.resident(), extents.experts, extents.rows, extents.cols, payloadBytes, scaleBytes);
    void *payload = nullptr, *scales = nullptr;
    if (Status status = place(payloadBytes, entry.payload, payload); !status.ok())
      return status;
    if (scaleBytes)
      if (Status status = place(scaleBytes, entry.scales, scales); !status.ok())
        return status;
    entry.weight.data = payload;
    entry.weight.scales = static_cast<float *>(scales);
    if (checkpoint || !options.backend->fill_random)
      return fill(parameter, extents, static_cast<uint8_t *>(payload), static_cast<float *>(scales));
    int32_t code = options.backend->fill_random(options.state, &entry.weight, std::hash<std::string>()(parameter.path));
    return backendStatus(code, "fill the parameter with random values");
  }

  Status backendStatus(int32_t code, const char *what) const {
    if (code == DSRT_OK)
      return {};
    const char *reason = options.backend->message ? options.backend->message(options.state) : "";
    return {dsrt_code(code), std::string("the backend cannot ") + what + (*reason ? ": " : "") + reason};
  }

  /// Bytes to the backend's memory; from any thread.
  Status upload(void *target, const void *source, uint64_t bytes) {
    std::lock_guard guard(uploading);
    return backendStatus(options.backend->copy_in(options.state, target, source, bytes), "copy the parameter to its memory");
  }

  /// Payload and scales of all experts: pieces of rows, expert by expert.
  Status fill(const ManifestParameter &parameter, const WeightExtents &extents, uint8_t *payload, float *scales) {
    const dsrt_quant &resident = parameter.resident();
    uint64_t residentRow = rowBytes(resident.payload, extents.cols);
    uint64_t expertPayload = 0, expertScales = 0, storedScales = 0, storedRow = 0, ignored = 0;
    formatBytes(parameter.resident(), 1, extents.rows, extents.cols, expertPayload, expertScales);
    formatBytes(parameter.stored, 1, extents.rows, extents.cols, ignored, storedScales);
    formatBytes(parameter.stored, 1, 1, extents.cols, storedRow, ignored);
    expertScales /= sizeof(float), storedScales /= sizeof(float);

    // Where each expert's stored payload begins, and its scales in F32.
    std::vector<const uint8_t *> stored(extents.experts);
    std::vector<float> readScalesOf;
    if (checkpoint) {
      if (parameter.stored.scale != DSRT_NONE)
        readScalesOf.resize(storedScales * extents.experts);
      for (int64_t e = 0; e < extents.experts; ++e) {
        int64_t expert = parameter.firstExpert + e;
        stored[e] = bytesOf(tensorOfExpert(parameter.tensor, expert));
        if (!readScalesOf.empty())
          if (Status status = readScales(tensorOfExpert(parameter.scales, expert), storedScales, readScalesOf.data() + e * storedScales);
              !status.ok())
            return status;
      }
    }

    int64_t height = pieceRows(parameter), piecesOfExpert = (extents.rows + height - 1) / height;
    bool isVector = parameter.shape.size() == 1;
    uint64_t seed = std::hash<std::string>()(parameter.path);
    Status status = inParallel(options.threads, piecesOfExpert * extents.experts, [&](int64_t piece) -> Status {
      if (options.cancelled && options.cancelled->load(std::memory_order_relaxed))
        return {DSRT_REJECTED, "loading was ended"};
      int64_t e = piece / piecesOfExpert, begin = piece % piecesOfExpert * height, rows = std::min(height, extents.rows - begin);
      int64_t count = rows * extents.cols;
      // Where the piece goes: its own rows and, as it begins at the edge of a tile, its own scales.
      uint8_t *target = payload + e * expertPayload + begin * residentRow;
      float *targetScales = scales
                                ? scales + e * expertScales +
                                      (resident.tile_rows > 0 ? begin / resident.tile_rows * tilesOf(extents.cols, resident.tile_cols) : 0)
                                : nullptr;
      const uint8_t *source = stored[e] ? stored[e] + begin * storedRow : nullptr;
      if (checkpoint && parameter.through.empty()) {
        const float *sourceScales = targetScales && begin == 0 ? readScalesOf.data() + e * storedScales : nullptr;
        if (hostMemory) {
          memcpy(target, source, rows * storedRow);
          if (sourceScales)
            memcpy(targetScales, sourceScales, storedScales * sizeof(float));
        } else {
          Status status = upload(target, source, rows * storedRow);
          if (status.ok() && sourceScales)
            status = upload(targetScales, sourceScales, storedScales * sizeof(float));
          if (!status.ok())
            return status;
        }
        dropPages(source, rows * storedRow);
        return {};
      }
      // Values through the formats into place, or into memory of this piece that is uploaded.
      auto finish = [&](const std::vector<dsrt_quant> &formats, std::vector<float> &values) -> Status {
        int64_t expert = parameter.firstExpert + e;
        if (hostMemory)
          return runSteps(formats, values, expert, begin, rows, extents.cols, target, targetScales);
        uint64_t payloadBytes = 0, scaleBytes = 0;
        formatBytes(resident, 1, rows, extents.cols, payloadBytes, scaleBytes);
        std::vector<uint8_t> made(payloadBytes);
        std::vector<float> madeScales(scaleBytes / sizeof(float));
        Status status = runSteps(formats, values, expert, begin, rows, extents.cols, made.data(), scales ? madeScales.data() : nullptr);
        if (status.ok())
          status = upload(target, made.data(), payloadBytes);
        if (status.ok() && scaleBytes)
          status = upload(targetScales, madeScales.data(), scaleBytes);
        return status;
      };
      std::vector<float> values(count);
      if (!checkpoint) {
        float amplitude = std::sqrt(3.f / float(extents.cols));
        uint64_t first = (uint64_t(e) * extents.rows + begin) * extents.cols;
        for (int64_t i = 0; i < count; ++i)
          values[i] = isVector ? 1.f : amplitude * uniform(seed, first + i);
        return finish({resident}, values);
      }
      const float *sourceScales = nullptr;
      if (!readScalesOf.empty())
        sourceScales =
            readScalesOf.data() + e * storedScales +
            (parameter.stored.tile_rows > 0 ? begin / parameter.stored.tile_rows * tilesOf(extents.cols, parameter.stored.tile_cols) : 0);
      std::vector<uint8_t> aligned;
      const uint8_t *elements = source;
      if (uintptr_t(source) % std::max<size_t>(1, elementBytes(parameter.stored.payload))) { // the format does not align tensors
        aligned.assign(source, source + rows * storedRow);
        elements = aligned.data();
      }
      Status status = parameter.stored.scale == DSRT_NONE
                          ? convert(dsrt_dtype(parameter.stored.payload), elements, DSRT_F32, values.data(), count)
                          : dequantize(parameter.stored, elements, sourceScales, rows, extents.cols, values.data());
      dropPages(source, rows * storedRow);
      return status.ok() ? finish(parameter.through, values) : status;
    });
    return status;
  }

  /// The backend's own layout; what it no longer needs is freed.
  Status prepare(const ManifestParameter &parameter, Entry &entry) {
    int32_t released = 0;
    int32_t code = options.backend->prepare_weight(options.state, &entry.weight, &released);
    if (code != DSRT_OK)
      return backendStatus(code, "repack the parameter");
    entry.prepared = true;
    if (!released)
      return {};
    if (entry.payload) {
      options.backend->release(options.state, entry.payload);
      entry.payload = nullptr;
    } else if (checkpoint) {
      uint64_t size = 0;
      const uint8_t *stored = bytesOf(tensorOfExpert(parameter.tensor, parameter.firstExpert), &size);
      dropPages(stored, size);
    }
    return {};
  }

  const Manifest &manifest;
  const Checkpoint *checkpoint; ///< null: random values
  const LoadOptions &options;
  bool hostMemory = true;
  std::mutex uploading; ///< one copy at a time
  std::unique_ptr<ResidentWeights> weights;
  std::map<std::string, int32_t> uses;
  uint64_t done = 0, total = 0;
  static constexpr uint64_t partAlignment = 256; ///< of payloads and scales in the shared memory
  uint64_t placed = 0;                           ///< bytes of it that are taken
};

ResidentWeights::~ResidentWeights() {
  for (const std::unique_ptr<Entry> &entry : entries) {
    if (entry->prepared)
      backend->release_weight(state, &entry->weight);
    if (entry->payload)
      backend->release(state, entry->payload);
    if (entry->scales)
      backend->release(state, entry->scales);
  }
  if (shared)
    backend->release(state, shared);
}

Expected<std::unique_ptr<ResidentWeights>> loadWeights(const Manifest &manifest, const Checkpoint &checkpoint, const LoadOptions &options) {
  return WeightLoader(manifest, &checkpoint, options).load();
}

Expected<std::unique_ptr<ResidentWeights>> randomWeights(const Manifest &manifest, const LoadOptions &options) {
  return WeightLoader(manifest, nullptr, options).load();
}

} // namespace dsrt
