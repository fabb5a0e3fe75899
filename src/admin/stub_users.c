/* temporary */
#include "admin/call.h"
#define S(n)                                                                                       \
    void n(struct call *call)                                                                      \
    {                                                                                              \
        struct error e;                                                                            \
        fail(&e, FAIL_REFUSED, "not yet");                                                         \
        call_fail(call, &e);                                                                       \
    }
S(admin_get_user)
S(admin_enable_user)
S(admin_set_user) S(admin_disable_user) S(admin_set_client_pin) S(admin_get_user_pool_info)
