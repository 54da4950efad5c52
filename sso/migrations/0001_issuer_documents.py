from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
    ]

    operations = [
        migrations.CreateModel(
            name='IssuerDocument',
            fields=[
                ('url', models.CharField(db_collation='C', max_length=2048, primary_key=True, serialize=False)),
                ('body', models.BinaryField(null=True)),
                ('read_at', models.DateTimeField(null=True)),
                ('asked_at', models.DateTimeField()),
                ('failure', models.CharField(blank=True, default='', max_length=40)),
                ('detail', models.CharField(blank=True, default='', max_length=300)),
            ],
        ),
    ]
