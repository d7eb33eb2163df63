/** The servers that some tests need. The variables and the standard places are those of the examples. */
export const SERVERS = {
  PostgreSQL: { variable: 'DATABASE_URL', standardUrl: 'postgres://root@127.0.0.1:5432/postgres' },
  MariaDB: { variable: 'MARIADB_URL', standardUrl: 'mysql://root@127.0.0.1:3306/mysql' },
  Redis: { variable: 'REDIS_URL', standardUrl: 'redis://127.0.0.1:6379' },
  RabbitMQ: { variable: 'AMQP_URL', standardUrl: 'amqp://guest:guest@127.0.0.1:5672' },
} as const;

export type Server = keyof typeof SERVERS;

export function serverUrl(server: Server): string {
  const { variable, standardUrl } = SERVERS[server];
  return process.env[variable] || standardUrl;
}
