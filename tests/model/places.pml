/* The pool's places (service/pool/level_rings.cc) and the waiting for one (SubmitWait() in
 * service/pool/core.cc), for SPIN: submitters wait for a place under the capacity while workers
 * take what has one and what has none.
 *
 * One step of the model is one access to a shared word, of sequentially consistent ones; the
 * producers' copy of what came out is one too. What has a place and what has none wait in different
 * rings, so the heads are read one after the other.
 *
 * Claim: never more places are taken than there are; a submitter who is refused for want of one and
 * sleeps is woken when there is one.
 *
 * Each of these seeds a fault that must be found: COUNTED_AFTER_TAKE, PLACELESS_READ_FIRST,
 * WAITER_LOOKS_ONCE, PLACELESS_WAKES_NOBODY.
 */
#define CAPACITY 1
#define SUBMITTERS 2
#define WORKERS 2
#define PLACELESS 1

/* A ring with places, which is full when it starts, and one without. */
short tail = CAPACITY;
short head = 0;
short placeless_head = 0;
short places_in = CAPACITY;
short places_out_seen = 0;
short placeless = 0;
/* Who waits for a place. */
byte space_waiters = 0;
byte space_sequence = 0;
byte asleep = 0;
byte woken = 0;
/* What the model knows and the pool does not. */
byte submitters = SUBMITTERS;

inline WakeWaiter() {
  if
  :: space_waiters != 0 ->
     space_sequence++;
     atomic { if :: woken < asleep -> woken++ :: else fi }
  :: else
  fi
}

/* TakePlaces(1). */
inline TakePlace() {
  has_place = false;
  in = places_in;
  do
  :: out = places_out_seen;
     if
     :: in - out + 1 > CAPACITY ->
#ifdef PLACELESS_READ_FIRST
        out = 0 - placeless;
        out = out + head;
        out = out + placeless_head;
#else
        out = head;
        out = out + placeless_head;
        out = out - placeless;
#endif
        places_out_seen = out
     :: else
     fi;
     if
     :: in - out < 0 -> in = places_in
     :: in - out >= CAPACITY -> break
     :: else ->
        atomic {
          if
          :: places_in == in ->
             places_in++;
             has_place = true;
             tail++;
             assert(tail - head <= CAPACITY);
             break
          :: else -> in = places_in
          fi
        }
     fi
  od
}

proctype Submitter() {
  short in, out;
  byte seen;
  bool has_place;
  space_waiters++;
#ifdef WAITER_LOOKS_ONCE
  TakePlace();
#endif
  do
  :: seen = space_sequence;
#ifndef WAITER_LOOKS_ONCE
     TakePlace();
#endif
     if
     :: has_place -> break
     :: else
     fi;
     /* The futex: to compare and to fall asleep are one step. */
     if
     :: atomic { space_sequence == seen -> asleep++ };
        atomic { woken > 0 -> woken--; asleep-- }
     :: atomic { space_sequence != seen }
     fi
#ifdef WAITER_LOOKS_ONCE
     ;
     TakePlace()
#endif
  od;
  space_waiters--;
  submitters--
}

proctype Worker() {
  short position;
  bool took;
  do
  :: head < tail ->
     position = head;
     took = false;
     atomic { if :: head == position && position < tail -> head++; took = true :: else fi };
     if :: took -> WakeWaiter() :: else fi
  :: placeless_head < PLACELESS ->
     position = placeless_head;
     took = false;
     if
     :: position < PLACELESS ->
#ifndef COUNTED_AFTER_TAKE
        placeless++;
#endif
        atomic { if :: placeless_head == position -> placeless_head++; took = true :: else fi };
#ifdef COUNTED_AFTER_TAKE
        if :: took -> placeless++ :: else fi;
#else
        if :: !took -> placeless-- :: else fi;
#endif
#ifndef PLACELESS_WAKES_NOBODY
        /* While it was counted and the head not moved, a place seemed taken that was free. */
        WakeWaiter()
#else
        skip
#endif
     :: else
     fi
  :: submitters == 0 && head == tail && placeless_head == PLACELESS -> break
  od
}

init {
  byte i;
  atomic {
    for (i : 1 .. SUBMITTERS) { run Submitter() }
    for (i : 1 .. WORKERS) { run Worker() }
  }
}
