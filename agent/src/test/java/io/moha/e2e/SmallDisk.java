package io.moha.e2e;

import static io.moha.e2e.HostFaults.shell;

/** The data directory of one MySQL container on a small file system of its own, which can be filled and frozen. */
final class SmallDisk implements AutoCloseable {
    private final String directory;
    private final String image;

    /**
     * Moves the data there. The container must be stopped.
     *
     * @param directory of the container's volume on this machine
     */
    SmallDisk(String directory, int megabytes) {
        this.directory = directory;
        this.image = shell("mktemp /var/tmp/moha-disk-XXXXXX");
        try {
            shell(String.join(
                    " && ",
                    "truncate -s " + megabytes + "M " + image,
                    "mkfs.ext4 -q -m 0 " + image,
                    "place=$(mktemp -d)",
                    "mount -o loop " + image + " $place",
                    "cp -a " + directory + "/. $place/",
                    "chown --reference=" + directory + " $place",
                    "chmod --reference=" + directory + " $place",
                    "umount $place",
                    "rmdir $place",
                    mount()));
        } catch (IllegalStateException e) {
            close();
            throw e;
        }
    }

    /** Not a byte is left. */
    void fill() {
        shell("dd if=/dev/zero of=" + directory + "/filler bs=1M 2>/dev/null; " + "dd if=/dev/zero of=" + directory
                + "/filler2 bs=4k 2>/dev/null; true");
    }

    void empty() {
        shell("rm -f " + directory + "/filler " + directory + "/filler2");
    }

    /** Whoever writes waits. */
    void freeze() {
        shell("fsfreeze --freeze " + directory);
    }

    void thaw() {
        shell("fsfreeze --unfreeze " + directory);
    }

    private String mount() {
        return "mount -o loop,errors=remount-ro " + image + " " + directory;
    }

    /** The file system finds an error in itself and takes no more writes, as after a bad block. */
    void breakDown() {
        shell("echo moha > /sys/fs/ext4/$(basename $(findmnt -n -o SOURCE " + directory + "))/trigger_fs_error");
    }

    /** The container must be stopped. */
    void repair() {
        // fsck says 1 when it has corrected something.
        shell("umount " + directory + " && { e2fsck -fy " + image + " >/dev/null 2>&1 || [ $? -le 1 ]; } && "
                + mount());
    }

    @Override
    public String toString() {
        return image + " on " + directory;
    }

    /** The container must be stopped. Its data is what it was before the small disk. */
    @Override
    public void close() {
        shell("fsfreeze --unfreeze " + directory + " 2>/dev/null; umount " + directory + "; rm -f " + image);
    }
}
