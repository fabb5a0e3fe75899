/* A treap whose priorities are hashes of the keys: its shape follows from its content alone, so the
 * same steps always make the same tree, and it is balanced as well as a random one. */
#include "store/tree.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

struct tree {
    atomic_size_t references;
    uint64_t priority;
    struct tree *left, *right;
    size_t key_size, value_size;
    uint8_t content[]; /* key, value */
};

static struct bytes key_of(const struct tree *t)
{
    return bytes_of(t->content, t->key_size);
}

static struct bytes value_of(const struct tree *t)
{
    return bytes_of(t->content + t->key_size, t->value_size);
}

struct tree *tree_ref(struct tree *t)
{
    if (t)
        atomic_fetch_add(&t->references, 1);
    return t;
}

void tree_unref(struct tree *t)
{
    if (!t || atomic_fetch_sub(&t->references, 1) > 1)
        return;
    tree_unref(t->left);
    tree_unref(t->right);
    free(t);
}

/* Takes the references to both branches over. */
static struct tree *node(struct bytes key, struct bytes value, struct tree *left,
                         struct tree *right)
{
    struct tree *t = xmalloc(sizeof *t + key.size + value.size);
    atomic_init(&t->references, 1);
    t->priority = XXH3_64bits(key.at, key.size);
    t->left = left;
    t->right = right;
    t->key_size = key.size;
    t->value_size = value.size;
    if (key.size)
        memcpy(t->content, key.at, key.size);
    if (value.size)
        memcpy(t->content + key.size, value.at, value.size);
    return t;
}

/* A node of the same content with other branches; keeps the old one alive for others. */
static struct tree *with(const struct tree *t, struct tree *left, struct tree *right)
{
    return node(key_of(t), value_of(t), left, right);
}

static bool above(const struct tree *a, const struct tree *b)
{
    return a->priority > b->priority ||
           (a->priority == b->priority && bytes_compare(key_of(a), key_of(b)) < 0);
}

/* Splits into what is below the key and what is above it; the key itself is left out. */
static void split(const struct tree *t, struct bytes key, struct tree **below, struct tree **over)
{
    if (!t) {
        *below = *over = NULL;
        return;
    }
    int order = bytes_compare(key, key_of(t));
    struct tree *part;
    if (order == 0) {
        *below = tree_ref(t->left);
        *over = tree_ref(t->right);
    } else if (order < 0) {
        split(t->left, key, below, &part);
        *over = with(t, part, tree_ref(t->right));
    } else {
        split(t->right, key, &part, over);
        *below = with(t, tree_ref(t->left), part);
    }
}

/* Joins two trees of which all keys of the first are below those of the second. Takes both over. */
static struct tree *join(struct tree *a, struct tree *b)
{
    if (!a)
        return b;
    if (!b)
        return a;
    struct tree *joined = above(a, b)
                              ? with(a, tree_ref(a->left), join(tree_ref(a->right), tree_ref(b)))
                              : with(b, join(tree_ref(a), tree_ref(b->left)), tree_ref(b->right));
    tree_unref(a);
    tree_unref(b);
    return joined;
}

/* `fresh` is not yet in any tree. Borrows t, takes fresh over. */
static struct tree *insert(const struct tree *t, struct tree *fresh)
{
    struct bytes key = key_of(fresh);
    if (!t || above(fresh, t)) {
        split(t, key, &fresh->left, &fresh->right);
        return fresh;
    }
    int order = bytes_compare(key, key_of(t));
    assert(order != 0); /* equal keys have equal priorities, and then the key is replaced below */
    return order < 0 ? with(t, insert(t->left, fresh), tree_ref(t->right))
                     : with(t, tree_ref(t->left), insert(t->right, fresh));
}

static struct tree *replace(const struct tree *t, struct bytes key, struct bytes value)
{
    int order = bytes_compare(key, key_of(t));
    if (order == 0)
        return node(key, value, tree_ref(t->left), tree_ref(t->right));
    return order < 0 ? with(t, replace(t->left, key, value), tree_ref(t->right))
                     : with(t, tree_ref(t->left), replace(t->right, key, value));
}

struct tree *tree_put(struct tree *t, struct bytes key, struct bytes value)
{
    struct bytes old;
    struct tree *changed =
        tree_get(t, key, &old) ? replace(t, key, value) : insert(t, node(key, value, NULL, NULL));
    tree_unref(t);
    return changed;
}

static struct tree *without(const struct tree *t, struct bytes key)
{
    int order = bytes_compare(key, key_of(t));
    if (order == 0)
        return join(tree_ref(t->left), tree_ref(t->right));
    return order < 0 ? with(t, without(t->left, key), tree_ref(t->right))
                     : with(t, tree_ref(t->left), without(t->right, key));
}

struct tree *tree_remove(struct tree *t, struct bytes key)
{
    struct bytes old;
    if (!tree_get(t, key, &old))
        return t;
    struct tree *changed = without(t, key);
    tree_unref(t);
    return changed;
}

bool tree_get(const struct tree *t, struct bytes key, struct bytes *value)
{
    while (t) {
        int order = bytes_compare(key, key_of(t));
        if (order == 0) {
            *value = value_of(t);
            return true;
        }
        t = order < 0 ? t->left : t->right;
    }
    return false;
}

static bool walk(const struct tree *t, struct bytes from, tree_visit *visit, void *context)
{
    if (!t)
        return true;
    if (bytes_compare(key_of(t), from) < 0)
        return walk(t->right, from, visit, context);
    return walk(t->left, from, visit, context) && visit(key_of(t), value_of(t), context) &&
           walk(t->right, from, visit, context);
}

void tree_walk(const struct tree *t, struct bytes from, tree_visit *visit, void *context)
{
    walk(t, from, visit, context);
}
