package io.moha.moctl.drill;

import java.io.BufferedInputStream;
import java.io.DataInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.function.BooleanSupplier;
import java.util.zip.CRC32C;

/**
 * The acknowledged ids, in a file outside the cluster. {@link #append} returns when its record is forced to disk; records
 * of several writers share one force. After the header each record is 12 bytes: id and checksum. A drill that
 * dies leaves at most its last record torn, and that one has not counted; damage anywhere else is an error.
 */
final class Ledger implements AutoCloseable {
    private static final byte[] HEADER = "moctl ledger 1\n\n".getBytes(StandardCharsets.US_ASCII);
    private static final int RECORD = Long.BYTES + Integer.BYTES;
    private static final int MOST_AT_ONCE = 4096;

    private final FileChannel file;
    private ByteBuffer filling = ByteBuffer.allocate(RECORD * MOST_AT_ONCE);
    private ByteBuffer forcing = ByteBuffer.allocate(RECORD * MOST_AT_ONCE);
    private boolean busy;
    private boolean broken;
    private long appended;
    private long forced;

    private Ledger(FileChannel file) {
        this.file = file;
    }

    /**
     * A new one.
     *
     * @throws IOException if the file is there already, or cannot be written
     */
    static Ledger create(Path path) throws IOException {
        FileChannel file = FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
        writeAll(file, ByteBuffer.wrap(HEADER));
        file.force(true);
        Path directory = path.toAbsolutePath().getParent();
        if (directory != null) {
            try (FileChannel names = FileChannel.open(directory, StandardOpenOption.READ)) {
                names.force(true);
            }
        }
        return new Ledger(file);
    }

    /**
     * Returns when it is on disk. One of the threads that wait writes and forces for all of them.
     *
     * @throws IOException if it may not be there; every later call fails, too
     */
    void append(long id) throws IOException {
        long mine;
        synchronized (this) {
            waitWhile(() -> !filling.hasRemaining() && !broken);
            check();
            filling.put(record(id));
            mine = ++appended;
        }
        while (true) {
            ByteBuffer batch;
            long last;
            synchronized (this) {
                waitWhile(() -> busy && forced < mine && !broken);
                if (forced >= mine) {
                    return;
                }
                check();
                busy = true;
                batch = filling;
                filling = forcing;
                forcing = batch;
                last = appended;
            }
            force(batch, last);
        }
    }

    private void force(ByteBuffer batch, long last) throws IOException {
        boolean done = false;
        try {
            writeAll(file, batch.flip());
            file.force(false);
            done = true;
        } finally {
            synchronized (this) {
                batch.clear();
                busy = false;
                if (done) {
                    forced = last;
                } else {
                    broken = true;
                }
                notifyAll();
            }
        }
    }

    private void check() throws IOException {
        if (broken) {
            throw new IOException("the ledger could not be written before");
        }
    }

    /** Call it with the lock held, which it gives up meanwhile. */
    private void waitWhile(BooleanSupplier condition) throws IOException {
        try {
            synchronized (this) {
                while (condition.getAsBoolean()) {
                    wait();
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("interrupted while the ledger was written", e);
        }
    }

    private static ByteBuffer record(long id) {
        ByteBuffer record = ByteBuffer.allocate(RECORD);
        record.putLong(id);
        return record.putInt(checksum(id)).flip();
    }

    private static int checksum(long id) {
        CRC32C crc = new CRC32C();
        crc.update(ByteBuffer.allocate(Long.BYTES).putLong(id).flip());
        return (int) crc.getValue();
    }

    private static void writeAll(FileChannel file, ByteBuffer bytes) throws IOException {
        while (bytes.hasRemaining()) {
            file.write(bytes);
        }
    }

    /** How many records are on disk. */
    synchronized long count() {
        return forced;
    }

    /**
     * Reads all ids back. A torn end is left out: it was never acknowledged to anybody.
     *
     * @throws IOException if it is no ledger, or is damaged before its end
     */
    static IdSet read(Path path) throws IOException {
        IdSet ids = new IdSet();
        try (DataInputStream in = new DataInputStream(new BufferedInputStream(Files.newInputStream(path), 1 << 16))) {
            if (!Arrays.equals(in.readNBytes(HEADER.length), HEADER)) {
                throw new IOException(path + " is no ledger of moctl");
            }
            for (long at = HEADER.length; ; at += RECORD) {
                long id;
                int sum;
                try {
                    id = in.readLong();
                    sum = in.readInt();
                } catch (EOFException e) {
                    return ids;
                }
                if (sum == checksum(id)) {
                    ids.add(id);
                } else if (in.read() >= 0) {
                    throw new IOException(path + " is damaged at byte " + at);
                } else {
                    return ids;
                }
            }
        }
    }

    @Override
    public void close() throws IOException {
        file.close();
    }
}
