set -e
data=/var/lib/mysql
[ -d $data/mysql ] || mariadb-install-db --no-defaults --user=root --datadir=$data --skip-test-db > /dev/null
exec mariadbd --no-defaults --user=root --datadir=$data --socket=/tmp/db.sock --bind-address='*' --skip-name-resolve \
    --init-file=/site/db.sql
