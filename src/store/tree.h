/* An ordered map from bytes to bytes that never changes: putting something in makes a new tree
 * which shares all but a few nodes with the old one. So a snapshot costs nothing, and a rollback is
 * going back to the old tree. It knows nothing about what is stored in it. */
#ifndef POLLUX_STORE_TREE_H
#define POLLUX_STORE_TREE_H

#include "base/bytes.h"

/* NULL is the empty tree. Trees are counted references; nodes may be shared between threads. */
struct tree;

struct tree *tree_ref(struct tree *tree);
void tree_unref(struct tree *tree);

/* Each takes the caller's reference to the old tree over and returns one to the new. */
struct tree *tree_put(struct tree *tree, struct bytes key, struct bytes value);
struct tree *tree_remove(struct tree *tree, struct bytes key);

/* The value is valid as long as the tree is. */
bool tree_get(const struct tree *tree, struct bytes key, struct bytes *value);

/* Visits keys >= `from` in order, until `visit` returns false. */
typedef bool tree_visit(struct bytes key, struct bytes value, void *context);
void tree_walk(const struct tree *tree, struct bytes from, tree_visit *visit, void *context);

#endif
