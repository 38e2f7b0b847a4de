package io.moha.agent.loop;

/**
 * The helpers around the loop. Three hands, so that neither the fence nor giving up the role ever waits behind a
 * statement that hangs.
 */
record Parts(
        LocalState local,
        Wishes wishes,
        LeaseKeeper roleLease,
        LeaseKeeper nodeLease,
        StoreReader reader,
        Failsafe failsafe,
        Suspicion suspicion,
        DatabaseProber prober,
        WriteWatch writes,
        Actor actor,
        Hand databaseHand,
        Hand storeHand,
        Hand fenceHand) {}
