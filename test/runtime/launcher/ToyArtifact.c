/* An artifact written by hand: what ds-compile makes, small enough to know every answer.
 *
 * The model embeds a token, and its logits are the embedding times the head. To depend on the whole row as well, through the
 * cache, the program keeps (id + 1) * (position + 1) of each token in the latent cache, and adds 100 to the logit of the
 * sum of those over positions 0 .. p, modulo the vocabulary. So with small weights the greedy next token is that sum.
 *
 * Variants are compiled with -D: TOY_VOCABULARY, TOY_ABI, TOY_TARGET, TOY_ARENA, TOY_NO_DECODE, TOY_UNKNOWN_CALL,
 * TOY_SPIN (calls without end), TOY_HANG (never calls again), TOY_ROWS (what a call holds), TOY_QUEUED (everything is a call of the
 * backend, as in what ds-compile makes: cache_append keeps the tokens, mla_decode adds the 100).
 */
#include "dsrt/dsrt_abi.h"
#include "dsrt/dsrt_calls.h"

#ifndef TOY_VOCABULARY
#define TOY_VOCABULARY 16
#endif
#ifndef TOY_ABI
#define TOY_ABI DSRT_ABI_HASH
#endif
#ifndef TOY_TARGET
#define TOY_TARGET "cpu"
#endif
#ifndef TOY_ARENA
#define TOY_ARENA 8192
#endif
#ifdef TOY_ROWS
#define TOY_TOKENS TOY_ROWS
#define TOY_WANTED TOY_ROWS
#else
#define TOY_TOKENS 5
#define TOY_ROWS 2
#define TOY_WANTED 3
#endif
#define HIDDEN 4
#define QUOTE(x) #x
#define TEXT(x) QUOTE(x)

/* Calls hold 5 tokens of 2 rows and 3 rows of logits, or 8 of each at the most; rows hold 12 positions. */
__attribute__((section(".dsmlir.manifest"), used)) static const char manifest[] =
    "{\"version\":1,\"abi\":\"" TOY_ABI "\",\"target\":\"" TOY_TARGET
    "\",\"source\":\"toy\",\"max_tokens\":" TEXT(TOY_TOKENS) ",\"max_sequences\":" TEXT(
        TOY_ROWS) ","
                  "\"max_length\":12,\"max_wanted\":" TEXT(TOY_WANTED) ",\"vocabulary\":" TEXT(
                      TOY_VOCABULARY) ",\"cache\":{\"layers\":1,\"width\":1,\"dtype\":\"f32\"},"
                                      "\"prefill\":{\"entry\":\"dsrt_prefill\",\"arena_bytes\":" TEXT(
                                          TOY_ARENA) ",\"logits_offset\":512},"
                                                     "\"decode\":{\"entry\":\"dsrt_decode\",\"arena_bytes\":8192,\"logits_offset\":1024},"
                                                     "\"parameters\":["
                                                     "{\"path\":\"token_embeddings.weight\",\"tensor\":\"model.embed_tokens.weight\","
                                                     "\"scales\":\"\",\"shape\":[" TEXT(
                                                         TOY_VOCABULARY) ",4],"
                                                                         "\"first_expert\":0,\"stored\":\"f32\",\"through\":[],\"use\":2},"
                                                                         "{\"path\":\"lm_head.weight\",\"tensor\":\"lm_head.weight\","
                                                                         "\"scales\":\"\",\"shape\":[" TEXT(
                                                                             TOY_VOCABULARY) ",4],"
                                                                                             "\"first_expert\":0,\"stored\":\"bf16\","
                                                                                             "\"through\":[\"f32\"],\"use\":1}],"
                                                                                             "\"sites\":[{\"operation\":\"embedding\","
                                                                                             "\"path\":\"token_embeddings\"},{"
                                                                                             "\"operation\":\"gather_rows\",\"path\":"
                                                                                             "\"wanted\"},"
                                                                                             "{\"operation\":\"linear\",\"path\":\"lm_"
                                                                                             "head\"}],\"plan\":{}}";

#ifdef TOY_UNKNOWN_CALL
int32_t dsrt_no_such_operation(dsrt_context *context, int32_t site);
#endif

static int32_t program(dsrt_context *context, char *arena, int64_t logits_offset, const dsrt_weight *const *weights,
                       const dsrt_batch *batch, dsrt_cache *cache, int64_t tokens, int64_t wanted, const int32_t *token_ids,
                       const int32_t *wanted_tokens) {
  float *embedded = (float *)arena;                 /* [5 or 8, 4] */
  float *asked = (float *)(arena + 128);            /* [3 or 8, 4] */
  float *logits = (float *)(arena + logits_offset); /* [3 or 8, vocabulary] */
  int32_t code = dsrt_embedding(context, 0, embedded, token_ids, weights[0], tokens, HIDDEN, TOY_VOCABULARY, DSRT_F32);
  if (code != DSRT_OK)
    return code;
  code = dsrt_gather_rows(context, 1, asked, embedded, wanted_tokens, wanted, HIDDEN, tokens, DSRT_F32, 1);
  if (code != DSRT_OK)
    return code;
  code = dsrt_linear(context, 2, logits, asked, weights[1], wanted, TOY_VOCABULARY, HIDDEN, DSRT_F32, DSRT_F32, 1);
  if (code != DSRT_OK)
    return code;
#ifdef TOY_UNKNOWN_CALL
  code = dsrt_no_such_operation(context, 3);
  if (code != DSRT_OK)
    return code;
#endif
#ifdef TOY_SPIN
  do
    code = dsrt_gather_rows(context, 1, asked, embedded, wanted_tokens, wanted, HIDDEN, tokens, DSRT_F32, 1);
  while (code == DSRT_OK);
  return code;
#endif
#ifdef TOY_HANG
  for (volatile int forever = 1; forever;)
    ;
#endif
#ifdef TOY_QUEUED
  code = dsrt_cache_append(context, 1, cache, token_ids, embedded, batch, tokens, 1, 0, DSRT_F32, 0);
  if (code != DSRT_OK)
    return code;
  return dsrt_mla_decode(context, 2, logits, wanted_tokens, weights[1], cache, batch, arena, wanted, TOY_VOCABULARY, 1, 1, 1, 0, DSRT_F32,
                         0, 1, 0, 0, 1, 1.f);
#endif
  for (int64_t row = 0; row < batch->rows; ++row) {
    float *latents = (float *)cache->data + batch->slots[row] * cache->length;
    for (int32_t t = batch->offsets[row]; t < batch->offsets[row + 1]; ++t) {
      int64_t position = batch->starts[row] + (t - batch->offsets[row]);
      latents[position] = (float)((token_ids[t] + 1) * (position + 1));
      int64_t sum = 0;
      for (int64_t p = 0; p <= position; ++p)
        sum += (int64_t)latents[p];
      for (int64_t w = 0; w < wanted; ++w)
        if (wanted_tokens[w] == t)
          logits[w * TOY_VOCABULARY + sum % TOY_VOCABULARY] += 100;
    }
  }
  return DSRT_OK;
}

#define EXPORT __attribute__((visibility("default")))

EXPORT int32_t dsrt_prefill(dsrt_context *context, void *arena, const dsrt_weight *const *weights, const dsrt_batch *batch,
                            dsrt_cache *cache, int64_t tokens, int64_t rows, int64_t wanted, const int32_t *token_ids,
                            const int32_t *wanted_tokens) {
  return program(context, (char *)arena, 512, weights, batch, cache, tokens, wanted, token_ids, wanted_tokens);
}

#ifndef TOY_NO_DECODE
EXPORT int32_t dsrt_decode(dsrt_context *context, void *arena, const dsrt_weight *const *weights, const dsrt_batch *batch,
                           dsrt_cache *cache, int64_t tokens, int64_t rows, int64_t wanted, const int32_t *token_ids,
                           const int32_t *wanted_tokens) {
  return program(context, (char *)arena, 1024, weights, batch, cache, tokens, wanted, token_ids, wanted_tokens);
}
#endif
